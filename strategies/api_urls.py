from django.urls import path

from strategies import api, model_api

urlpatterns = [
    path("strategies/", api.StrategyList.as_view()),
    path("strategies/<int:strategy_id>/", api.StrategyDetail.as_view()),
    path("strategies/<int:strategy_id>/refresh/", model_api.Refresh.as_view()),
    path("strategies/<int:strategy_id>/proposals/", model_api.ProposalList.as_view()),
    path("strategies/<int:strategy_id>/proposals/<int:proposal_id>/", model_api.ProposalDetail.as_view()),
    path("strategies/<int:strategy_id>/proposals/<int:proposal_id>/apply/", model_api.ApplyProposal.as_view()),
    path("strategies/<int:strategy_id>/proposals/<int:proposal_id>/dismiss/", model_api.DismissProposal.as_view()),
]
