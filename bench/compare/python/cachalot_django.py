"""Django with django-cachalot, which keeps the answers of its ORM in memory, and drops all those of a
table when it is written."""

import django
from django.conf import settings


class Cachalot:
    name = "Django with cachalot"

    def __init__(self, path):
        settings.configure(
            DATABASES={
                "default": {
                    "ENGINE": "django.db.backends.sqlite3",
                    "NAME": path,
                    "OPTIONS": {"init_command": "PRAGMA synchronous = NORMAL"},
                    "CONN_MAX_AGE": None,
                }
            },
            CACHES={
                "default": {
                    "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
                    "OPTIONS": {"MAX_ENTRIES": 100_000},
                }
            },
            INSTALLED_APPS=["cachalot"],
            CACHALOT_ENABLED=True,
            CACHALOT_ONLY_CACHABLE_TABLES=["users"],
            USE_TZ=True,
        )
        django.setup()
        from django.db import models

        class User(models.Model):
            name = models.TextField()
            email = models.TextField()
            age = models.IntegerField()

            class Meta:
                app_label = "compare"
                db_table = "users"
                managed = False

        self.users = User.objects

    def read(self, user):
        found = self.users.get(pk=user)
        return (found.id, found.name, found.email, found.age)

    def total(self, upto):
        from django.db.models import Sum

        return self.users.filter(pk__lte=upto).aggregate(Sum("age"))["age__sum"]

    def write(self, user):
        from django.db.models import F

        self.users.filter(pk=user).update(age=F("age") + 1)

    def close(self):
        pass
