"""Small balances. Mounted by the root, at /dust/."""

from django.urls import path

from orders.dust import pages

app_name = "dust"
urlpatterns = [
    path("<int:account_id>/", pages.dust, name="report"),
    path("<int:account_id>/offer/", pages.offer, name="offer"),
    path("<int:account_id>/convert/", pages.convert, name="convert"),
]
