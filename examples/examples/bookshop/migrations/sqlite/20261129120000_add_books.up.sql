CREATE TABLE "authors" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    CONSTRAINT "authors_name_length" CHECK (length("name") <= 100)
) STRICT;

CREATE TABLE "books" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "title" TEXT NOT NULL,
    "price" INTEGER NOT NULL,
    "stock" INTEGER NOT NULL,
    "author_id" INTEGER NOT NULL,
    CONSTRAINT "books_title_length" CHECK (length("title") <= 200),
    FOREIGN KEY ("author_id") REFERENCES "authors" ("id")
) STRICT;

CREATE INDEX "books_author_id_index" ON "books" ("author_id");
