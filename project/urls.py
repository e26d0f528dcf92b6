"""Root URL configuration."""

from allauth.account import views as account
from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from project.health import healthz

# One sign-in, with one limit on attempts: the admin's goes through it too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

handler500 = "files.middleware.server_error"

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("admin/", admin.site.urls),
    # Of allauth's addresses only those that this installation has a use for.
    path("accounts/login/", account.login, name="account_login"),
    path("accounts/logout/", account.logout, name="account_logout"),
    path("accounts/password/change/", account.password_change, name="account_change_password"),
    path("accounts/inactive/", account.account_inactive, name="account_inactive"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/v1/", include("files.api.urls")),
    path("", include("files.web.urls")),
]
