-- calls: 500
SELECT "auth_user"."id", "auth_user"."username" FROM "auth_user" WHERE "auth_user"."email" = 'u77@example.org' LIMIT 21;
-- calls: 200
SELECT "auth_user"."id" FROM "auth_user" WHERE "auth_user"."username" LIKE '%77%' ESCAPE '\' ORDER BY "auth_user"."date_joined" DESC LIMIT 20;
-- calls: 100
SELECT COUNT(*) AS "__count" FROM "django_admin_log" WHERE "django_admin_log"."action_time" >= '2026-01-01';
-- calls: 50
SELECT "django_admin_log"."id", "auth_user"."username" FROM "django_admin_log" INNER JOIN "auth_user" ON ("django_admin_log"."user_id" = "auth_user"."id") WHERE "django_admin_log"."object_id" = '77' ORDER BY "django_admin_log"."action_time" DESC;
