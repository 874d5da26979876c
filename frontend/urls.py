from django.urls import path

from frontend import views

urlpatterns = [
    path("", views.home, name="home"),
    path("latest", views.latest, name="latest"),
    path("cost", views.cost, name="cost"),
    path("values/<index:index>", views.value, name="value"),
    path("values/<index:index>/answer", views.answer, name="answer"),
    path("otherpage", views.otherpage, name="otherpage"),
    path("otherpage/now", views.now, name="now"),
]
