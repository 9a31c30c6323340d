-- Takes back:
-- - create the table users
-- - create the table articles
-- - create the table comments
-- - create the table tags
-- - create the table follows
-- - create the table article_tags
-- - create the table favourites

PRAGMA foreign_keys = OFF;

DROP TABLE "users";

DROP TABLE "articles";

DROP TABLE "comments";

DROP TABLE "tags";

DROP TABLE "follows";

DROP TABLE "article_tags";

DROP TABLE "favourites";

PRAGMA foreign_key_check;

PRAGMA foreign_keys = ON;
