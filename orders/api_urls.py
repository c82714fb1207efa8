from django.urls import path

from orders import api

urlpatterns = [
    path("strategies/<int:strategy_id>/plan", api.PlanView.as_view()),
    path("strategies/<int:strategy_id>/autopilot", api.AutopilotView.as_view()),
    path("strategies/<int:strategy_id>/start", api.AutopilotStart.as_view()),
    path("strategies/<int:strategy_id>/stop", api.AutopilotStop.as_view()),
    path("strategies/<int:strategy_id>/ticks", api.TickList.as_view()),
    path("strategies/<int:strategy_id>/ticks.csv", api.TicksFile.as_view(), name="ticks_csv"),
    path("rebalance/execute", api.ExecuteView.as_view()),
    path("runs", api.RunList.as_view()),
    path("runs/<int:run_id>", api.RunDetail.as_view()),
    path("runs/<int:run_id>/stop", api.RunStop.as_view()),
    path("orders", api.OrderList.as_view()),
    path("orders.csv", api.OrdersFile.as_view(), name="orders_csv"),
    path("fills", api.FillList.as_view()),
    path("fills.csv", api.FillsFile.as_view(), name="fills_csv"),
    path("orders/refresh", api.OrdersRefresh.as_view()),
    path("orders/cancel", api.OrdersCancelAll.as_view()),
    path("stranger-orders", api.StrangerList.as_view()),
    path("orders/<int:order_id>", api.OrderDetail.as_view()),
    path("orders/<int:order_id>/cancel", api.OrderCancel.as_view()),
]
