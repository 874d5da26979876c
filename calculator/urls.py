from django.urls import path, register_converter
from drf_spectacular.renderers import OpenApiJsonRenderer2
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from calculator import api

app_name = "api"


class IndexConverter:
    """An index in a path: digits without leading zeros, so that each value has one address."""

    regex = "(?:0|[1-9][0-9]{0,17})"

    def to_python(self, text: str) -> int:
        return int(text)

    def to_url(self, index: int) -> str:
        return str(index)


register_converter(IndexConverter, "index")

urlpatterns = [
    path("", api.EntryPoint.as_view(), name="entry"),
    path("/values", api.ValueList.as_view(), name="values"),
    path("/values/all", api.All.as_view(), name="all"),
    path("/values/current", api.Current.as_view(), name="current"),
    path("/values/<index:index>", api.ValueDetail.as_view(), name="value"),
    path("/values/<index:index>/digits", api.Digits.as_view(), name="digits"),
    path(
        "/schema", SpectacularAPIView.as_view(renderer_classes=[OpenApiJsonRenderer2], api_version="1"), name="schema"
    ),
    path("/docs", SpectacularSwaggerSplitView.as_view(url_name="api:schema", template_name="docs.html"), name="docs"),
]
