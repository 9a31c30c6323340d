-- Made from the entities:
-- - create the table users
-- - create the table articles
-- - create the table comments
-- - create the table tags
-- - create the table follows
-- - create the table article_tags
-- - create the table favourites

CREATE TABLE `users` (
    `id` bigint(20) NOT NULL AUTO_INCREMENT,
    `username` varchar(101) NOT NULL,
    `email` varchar(255) NOT NULL,
    `password` varchar(201) NOT NULL,
    `bio` longtext NULL,
    `image` longtext NULL,
    PRIMARY KEY (`id`),
    CONSTRAINT `users_username_length` CHECK (char_length(`username`) <= 100),
    CONSTRAINT `users_email_length` CHECK (char_length(`email`) <= 254),
    CONSTRAINT `users_password_length` CHECK (char_length(`password`) <= 200)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE `articles` (
    `id` bigint(20) NOT NULL AUTO_INCREMENT,
    `slug` varchar(221) NOT NULL,
    `title` varchar(201) NOT NULL,
    `description` longtext NOT NULL,
    `body` longtext NOT NULL,
    `author_id` bigint(20) NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `updated_at` datetime(6) NOT NULL,
    PRIMARY KEY (`id`),
    CONSTRAINT `articles_slug_length` CHECK (char_length(`slug`) <= 220),
    CONSTRAINT `articles_title_length` CHECK (char_length(`title`) <= 200)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE `comments` (
    `id` bigint(20) NOT NULL AUTO_INCREMENT,
    `body` longtext NOT NULL,
    `article_id` bigint(20) NOT NULL,
    `author_id` bigint(20) NOT NULL,
    `created_at` datetime(6) NOT NULL,
    `updated_at` datetime(6) NOT NULL,
    PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE `tags` (
    `id` bigint(20) NOT NULL AUTO_INCREMENT,
    `name` varchar(101) NOT NULL,
    PRIMARY KEY (`id`),
    CONSTRAINT `tags_name_length` CHECK (char_length(`name`) <= 100)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE `follows` (
    `follower_id` bigint(20) NOT NULL,
    `followed_id` bigint(20) NOT NULL,
    PRIMARY KEY (`follower_id`, `followed_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE `article_tags` (
    `article_id` bigint(20) NOT NULL,
    `tag_id` bigint(20) NOT NULL,
    PRIMARY KEY (`article_id`, `tag_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE `favourites` (
    `article_id` bigint(20) NOT NULL,
    `user_id` bigint(20) NOT NULL,
    PRIMARY KEY (`article_id`, `user_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE UNIQUE INDEX `users_username_unique` ON `users` (`username`);

CREATE UNIQUE INDEX `users_email_unique` ON `users` (`email`);

CREATE UNIQUE INDEX `articles_slug_unique` ON `articles` (`slug`);

CREATE INDEX `articles_author_id_index` ON `articles` (`author_id`);

CREATE INDEX `articles_created_at_index` ON `articles` (`created_at`);

CREATE INDEX `comments_article_id_index` ON `comments` (`article_id`);

CREATE INDEX `comments_author_id_index` ON `comments` (`author_id`);

CREATE UNIQUE INDEX `tags_name_unique` ON `tags` (`name`);

CREATE INDEX `follows_followed_id_index` ON `follows` (`followed_id`);

CREATE INDEX `article_tags_tag_id_index` ON `article_tags` (`tag_id`);

CREATE INDEX `favourites_user_id_index` ON `favourites` (`user_id`);

ALTER TABLE `articles` ADD CONSTRAINT `articles_author_id_foreign` FOREIGN KEY (`author_id`) REFERENCES `users` (`id`) ON DELETE CASCADE;

ALTER TABLE `comments` ADD CONSTRAINT `comments_article_id_foreign` FOREIGN KEY (`article_id`) REFERENCES `articles` (`id`) ON DELETE CASCADE;

ALTER TABLE `comments` ADD CONSTRAINT `comments_author_id_foreign` FOREIGN KEY (`author_id`) REFERENCES `users` (`id`) ON DELETE CASCADE;

ALTER TABLE `follows` ADD CONSTRAINT `follows_follower_id_foreign` FOREIGN KEY (`follower_id`) REFERENCES `users` (`id`) ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE `follows` ADD CONSTRAINT `follows_followed_id_foreign` FOREIGN KEY (`followed_id`) REFERENCES `users` (`id`) ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE `article_tags` ADD CONSTRAINT `article_tags_article_id_foreign` FOREIGN KEY (`article_id`) REFERENCES `articles` (`id`) ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE `article_tags` ADD CONSTRAINT `article_tags_tag_id_foreign` FOREIGN KEY (`tag_id`) REFERENCES `tags` (`id`) ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE `favourites` ADD CONSTRAINT `favourites_article_id_foreign` FOREIGN KEY (`article_id`) REFERENCES `articles` (`id`) ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE `favourites` ADD CONSTRAINT `favourites_user_id_foreign` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE ON UPDATE CASCADE;
