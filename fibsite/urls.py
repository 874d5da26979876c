from django.conf import settings
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("api", include("calculator.urls")),
    path("admin/", admin.site.urls),
    path("", include("frontend.urls")),
]
if settings.BROWSER_RELOAD:
    urlpatterns.insert(0, path("__reload__/", include("django_browser_reload.urls")))

handler400 = "fibsite.errors.bad_request"
handler403 = "fibsite.errors.forbidden"
handler404 = "fibsite.errors.not_found"
handler500 = "fibsite.errors.server_error"
