"""Strategies. Mounted by the root, at /strategies/."""

from django.urls import path

from strategies import pages

app_name = "strategies"
urlpatterns = [
    path("", pages.strategy_list, name="list"),
    path("new/", pages.create, name="create"),
    path("<int:strategy_id>/", pages.edit, name="edit"),
    path("<int:strategy_id>/model/", pages.model, name="model"),
    path("<int:strategy_id>/model/refresh/", pages.refresh, name="refresh"),
    path("<int:strategy_id>/model/proposals/<int:proposal_id>/apply/", pages.apply_proposal, name="apply_proposal"),
    path(
        "<int:strategy_id>/model/proposals/<int:proposal_id>/dismiss/", pages.dismiss_proposal, name="dismiss_proposal"
    ),
    path("<int:strategy_id>/activate/", pages.activate, name="activate"),
    path("<int:strategy_id>/deactivate/", pages.deactivate, name="deactivate"),
    path("<int:strategy_id>/delete/", pages.delete, name="delete"),
]
