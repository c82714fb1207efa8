"""Signing in, passwords and the Account page. Mounted by the root, at /auth/.

The names outside the namespace are allauth's own: its redirects and mails use them.
"""

from allauth.account import views
from django.urls import include, path, re_path

from accounts import pages
from accounts.tokens import pages as token_pages

account_page = [
    path("", pages.account_settings, name="settings"),
    path("language/", pages.set_language, name="language"),
    path("time-zone/", pages.set_time_zone, name="time_zone"),
    path("tokens/", token_pages.token_list, name="tokens"),
    path("tokens/create/", token_pages.create_token, name="create_token"),
    path("tokens/revoke-all/", token_pages.revoke_all_tokens, name="revoke_all_tokens"),
    path("notices/", pages.notice_list, name="notices"),
    path("notices/seen/", pages.dismiss_all, name="dismiss_all"),
    path("notices/<int:notice_id>/seen/", pages.dismiss, name="dismiss"),
    path("tokens/<slug:key>/revoke/", token_pages.revoke_token, name="revoke_token"),
]

urlpatterns = [
    path("set-up/", pages.set_up, name="set_up"),
    path("sign-in/", pages.SignInView.as_view(), name="account_login"),
    path("sign-up/", pages.SignUpView.as_view(), name="account_signup"),
    path("sign-out/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("password/change/", pages.PasswordChangeView.as_view(), name="account_change_password"),
    path("password/set/", pages.PasswordSetView.as_view(), name="account_set_password"),
    path("password/reset/", pages.PasswordResetView.as_view(), name="account_reset_password"),
    path("password/reset/sent/", views.password_reset_done, name="account_reset_password_done"),
    path("password/reset/done/", views.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        pages.PasswordResetFromKeyView.as_view(),
        name="account_reset_password_from_key",
    ),
    path("account/", include((account_page, "accounts"))),
]
