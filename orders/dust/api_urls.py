from django.urls import path

from orders.dust import api

urlpatterns = [
    path("dust", api.DustView.as_view()),
    path("dust/offer", api.DustOffer.as_view()),
    path("dust/conversions", api.DustSweepList.as_view()),
]
