"""Previews, rebalances and orders. Mounted by the root, at /orders/."""

from django.urls import path

from orders import pages

app_name = "orders"
urlpatterns = [
    path("", pages.order_list, name="list"),
    path("refresh/", pages.refresh, name="refresh"),
    path("cancel-all/", pages.cancel_all, name="cancel_all"),
    path("<int:order_id>/", pages.order_detail, name="detail"),
    path("<int:order_id>/cancel/", pages.cancel, name="cancel"),
    path("preview/<int:strategy_id>/", pages.preview, name="preview"),
    path("execute/<int:strategy_id>/", pages.execute, name="execute"),
    path("autopilot/<int:strategy_id>/", pages.autopilot, name="autopilot"),
    path("autopilot/<int:strategy_id>/start/", pages.start, name="start_autopilot"),
    path("autopilot/<int:strategy_id>/stop/", pages.stop_autopilot, name="stop_autopilot"),
    path("runs/", pages.run_list, name="runs"),
    path("runs/<int:run_id>/", pages.run, name="run"),
    path("runs/<int:run_id>/stop/", pages.stop, name="stop"),
]
