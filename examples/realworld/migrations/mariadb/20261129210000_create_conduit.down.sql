-- Takes back:
-- - create the table users
-- - create the table articles
-- - create the table comments
-- - create the table tags
-- - create the table follows
-- - create the table article_tags
-- - create the table favourites

ALTER TABLE `articles` DROP FOREIGN KEY `articles_author_id_foreign`;

ALTER TABLE `comments` DROP FOREIGN KEY `comments_article_id_foreign`;

ALTER TABLE `comments` DROP FOREIGN KEY `comments_author_id_foreign`;

ALTER TABLE `follows` DROP FOREIGN KEY `follows_follower_id_foreign`;

ALTER TABLE `follows` DROP FOREIGN KEY `follows_followed_id_foreign`;

ALTER TABLE `article_tags` DROP FOREIGN KEY `article_tags_article_id_foreign`;

ALTER TABLE `article_tags` DROP FOREIGN KEY `article_tags_tag_id_foreign`;

ALTER TABLE `favourites` DROP FOREIGN KEY `favourites_article_id_foreign`;

ALTER TABLE `favourites` DROP FOREIGN KEY `favourites_user_id_foreign`;

DROP TABLE `users`;

DROP TABLE `articles`;

DROP TABLE `comments`;

DROP TABLE `tags`;

DROP TABLE `follows`;

DROP TABLE `article_tags`;

DROP TABLE `favourites`;
