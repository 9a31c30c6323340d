-- Made from the entities:
-- - create the table users
-- - create the table articles
-- - create the table comments
-- - create the table tags
-- - create the table follows
-- - create the table article_tags
-- - create the table favourites

CREATE TABLE "users" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "username" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "password" TEXT NOT NULL,
    "bio" TEXT,
    "image" TEXT,
    CONSTRAINT "users_username_length" CHECK (length("username") <= 100),
    CONSTRAINT "users_email_length" CHECK (length("email") <= 254),
    CONSTRAINT "users_password_length" CHECK (length("password") <= 200)
) STRICT;

CREATE UNIQUE INDEX "users_username_unique" ON "users" ("username");

CREATE UNIQUE INDEX "users_email_unique" ON "users" ("email");

CREATE TABLE "articles" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "slug" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "author_id" INTEGER NOT NULL,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    CONSTRAINT "articles_slug_length" CHECK (length("slug") <= 220),
    CONSTRAINT "articles_title_length" CHECK (length("title") <= 200),
    FOREIGN KEY ("author_id") REFERENCES "users" ("id") ON DELETE CASCADE
) STRICT;

CREATE UNIQUE INDEX "articles_slug_unique" ON "articles" ("slug");

CREATE INDEX "articles_author_id_index" ON "articles" ("author_id");

CREATE INDEX "articles_created_at_index" ON "articles" ("created_at");

CREATE TABLE "comments" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "body" TEXT NOT NULL,
    "article_id" INTEGER NOT NULL,
    "author_id" INTEGER NOT NULL,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    FOREIGN KEY ("article_id") REFERENCES "articles" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("author_id") REFERENCES "users" ("id") ON DELETE CASCADE
) STRICT;

CREATE INDEX "comments_article_id_index" ON "comments" ("article_id");

CREATE INDEX "comments_author_id_index" ON "comments" ("author_id");

CREATE TABLE "tags" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    CONSTRAINT "tags_name_length" CHECK (length("name") <= 100)
) STRICT;

CREATE UNIQUE INDEX "tags_name_unique" ON "tags" ("name");

CREATE TABLE "follows" (
    "follower_id" INTEGER NOT NULL,
    "followed_id" INTEGER NOT NULL,
    PRIMARY KEY ("follower_id", "followed_id"),
    FOREIGN KEY ("follower_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    FOREIGN KEY ("followed_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE CASCADE
) STRICT;

CREATE INDEX "follows_followed_id_index" ON "follows" ("followed_id");

CREATE TABLE "article_tags" (
    "article_id" INTEGER NOT NULL,
    "tag_id" INTEGER NOT NULL,
    PRIMARY KEY ("article_id", "tag_id"),
    FOREIGN KEY ("article_id") REFERENCES "articles" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    FOREIGN KEY ("tag_id") REFERENCES "tags" ("id") ON DELETE CASCADE ON UPDATE CASCADE
) STRICT;

CREATE INDEX "article_tags_tag_id_index" ON "article_tags" ("tag_id");

CREATE TABLE "favourites" (
    "article_id" INTEGER NOT NULL,
    "user_id" INTEGER NOT NULL,
    PRIMARY KEY ("article_id", "user_id"),
    FOREIGN KEY ("article_id") REFERENCES "articles" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE CASCADE
) STRICT;

CREATE INDEX "favourites_user_id_index" ON "favourites" ("user_id");
