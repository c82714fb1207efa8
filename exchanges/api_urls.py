from django.urls import path

from exchanges import api

urlpatterns = [
    path("accounts/", api.AccountList.as_view()),
    path("accounts/<int:account_id>/check", api.AccountCheck.as_view()),
]
