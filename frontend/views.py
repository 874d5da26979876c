from django.http import HttpRequest, HttpResponse


def home(http: HttpRequest) -> HttpResponse:
    return HttpResponse("")


def value(http: HttpRequest, index: int) -> HttpResponse:
    return HttpResponse("")


def otherpage(http: HttpRequest) -> HttpResponse:
    return HttpResponse("")
