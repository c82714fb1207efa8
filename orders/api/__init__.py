"""/api/me/: plans, rebalances, orders and the autopilot."""

from orders.api.autopilot import AutopilotStart, AutopilotStop, AutopilotView, TickList
from orders.api.fills import FillList, FillsFile, OrdersFile, TicksFile
from orders.api.orders import OrderCancel, OrderDetail, OrderList, OrdersCancelAll, OrdersRefresh, StrangerList
from orders.api.runs import ExecuteView, PlanView, RunDetail, RunList, RunStop, plan_body, run_body

__all__ = [
    "AutopilotStart",
    "AutopilotStop",
    "AutopilotView",
    "ExecuteView",
    "FillList",
    "FillsFile",
    "OrderCancel",
    "OrderDetail",
    "OrderList",
    "OrdersCancelAll",
    "OrdersFile",
    "OrdersRefresh",
    "PlanView",
    "RunDetail",
    "RunList",
    "RunStop",
    "StrangerList",
    "TickList",
    "TicksFile",
    "plan_body",
    "run_body",
]
