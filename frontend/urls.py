from django.urls import path

from frontend import views

urlpatterns = [
    path("", views.home, name="home"),
    path("values/<index:index>", views.value, name="value"),
    path("otherpage", views.otherpage, name="otherpage"),
]
