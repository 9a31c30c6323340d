CREATE TABLE `customers` (
    `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT,
    `name` varchar(101) NOT NULL,
    `email` varchar(101) NOT NULL,
    CONSTRAINT `customers_name_length` CHECK (char_length(`name`) <= 100),
    CONSTRAINT `customers_email_length` CHECK (char_length(`email`) <= 100)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE UNIQUE INDEX `customers_email_unique` ON `customers` (`email`);

CREATE TABLE `orders` (
    `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT,
    `customer_id` bigint NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE INDEX `orders_customer_id_index` ON `orders` (`customer_id`);

CREATE TABLE `order_items` (
    `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT,
    `order_id` bigint NOT NULL,
    `book_id` bigint NOT NULL,
    `quantity` int NOT NULL,
    `price` bigint NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE INDEX `order_items_order_id_index` ON `order_items` (`order_id`);

CREATE INDEX `order_items_book_id_index` ON `order_items` (`book_id`);

ALTER TABLE `orders` ADD CONSTRAINT `orders_customer_id_foreign` FOREIGN KEY (`customer_id`) REFERENCES `customers` (`id`);

ALTER TABLE `order_items` ADD CONSTRAINT `order_items_order_id_foreign` FOREIGN KEY (`order_id`) REFERENCES `orders` (`id`);

ALTER TABLE `order_items` ADD CONSTRAINT `order_items_book_id_foreign` FOREIGN KEY (`book_id`) REFERENCES `books` (`id`);
