CREATE TABLE "customers" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    CONSTRAINT "customers_name_length" CHECK (length("name") <= 100),
    CONSTRAINT "customers_email_length" CHECK (length("email") <= 100)
) STRICT;

CREATE UNIQUE INDEX "customers_email_unique" ON "customers" ("email");

CREATE TABLE "orders" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "customer_id" INTEGER NOT NULL,
    FOREIGN KEY ("customer_id") REFERENCES "customers" ("id")
) STRICT;

CREATE INDEX "orders_customer_id_index" ON "orders" ("customer_id");

CREATE TABLE "order_items" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "order_id" INTEGER NOT NULL,
    "book_id" INTEGER NOT NULL,
    "quantity" INTEGER NOT NULL,
    "price" INTEGER NOT NULL,
    FOREIGN KEY ("order_id") REFERENCES "orders" ("id"),
    FOREIGN KEY ("book_id") REFERENCES "books" ("id")
) STRICT;

CREATE INDEX "order_items_order_id_index" ON "order_items" ("order_id");

CREATE INDEX "order_items_book_id_index" ON "order_items" ("book_id");
