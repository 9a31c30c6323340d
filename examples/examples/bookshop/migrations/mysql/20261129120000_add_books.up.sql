CREATE TABLE `authors` (
    `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT,
    `name` varchar(101) NOT NULL,
    CONSTRAINT `authors_name_length` CHECK (char_length(`name`) <= 100)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin;

CREATE TABLE `books` (
    `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT,
    `title` varchar(201) NOT NULL,
    `price` bigint NOT NULL,
    `stock` int NOT NULL,
    `author_id` bigint NOT NULL,
    CONSTRAINT `books_title_length` CHECK (char_length(`title`) <= 200)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin;

CREATE INDEX `books_author_id_index` ON `books` (`author_id`);

ALTER TABLE `books` ADD CONSTRAINT `books_author_id_foreign` FOREIGN KEY (`author_id`) REFERENCES `authors` (`id`);
