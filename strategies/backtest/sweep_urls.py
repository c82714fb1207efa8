"""Addresses of sweeps, for the lists of back-tests' addresses to take in."""

from django.urls import path

from strategies.backtest.api import sweeps as api
from strategies.backtest.pages import sweeps as pages

page_patterns = [
    path("sweeps/", pages.sweep_list, name="sweeps"),
    path("sweeps/new/", pages.create, name="sweep_create"),
    path("sweeps/<int:sweep_id>/", pages.sweep, name="sweep"),
    path("sweeps/<int:sweep_id>/cancel/", pages.cancel, name="sweep_cancel"),
    path("sweeps/<int:sweep_id>/again/", pages.take_up, name="sweep_take_up"),
    path("sweeps/<int:sweep_id>/delete/", pages.delete, name="sweep_delete"),
    path("sweeps/<int:sweep_id>/settings/<int:number>/", pages.try_setting, name="sweep_setting"),
]
api_patterns = [
    path("sweeps/", api.SweepList.as_view()),
    path("sweeps/estimate", api.SweepEstimate.as_view()),
    path("sweeps/<int:sweep_id>/", api.SweepDetail.as_view()),
    path("sweeps/<int:sweep_id>/cancel", api.SweepCancel.as_view()),
    path("sweeps/<int:sweep_id>/settings", api.SweepSettings.as_view()),
]
