-- Library and favorites: the assets that a person keeps at hand.

--! save_to_library
--- Puts assets into a user's library: the two lists are read side by side, and one that is named twice is put there once. What is
--- there already stays, and what was removed comes back.
INSERT INTO user_library (user_id, asset_type, asset_id)
SELECT DISTINCT :user_id::uuid, item.asset_type, item.asset_id
FROM unnest(:asset_types::asset_type_enum[], :asset_ids::uuid[]) AS item (asset_type, asset_id)
ON CONFLICT (user_id, asset_type, asset_id) DO UPDATE
SET
    updated_at = now(),
    deleted_at = NULL;

--! remove_from_library
--- Takes assets out of a user's library: the two lists are read side by side.
UPDATE user_library
SET
    updated_at = now(),
    deleted_at = now()
WHERE
    user_id = :user_id
    AND deleted_at IS NULL
    AND (asset_type, asset_id) IN (
        SELECT item.asset_type, item.asset_id
        FROM unnest(:asset_types::asset_type_enum[], :asset_ids::uuid[]) AS item (asset_type, asset_id)
    );

--! add_favorite
--- Puts an asset at the end of a user's favorites. One that is there already keeps its place; one that was removed comes
--- back at the end.
INSERT INTO user_favorites (user_id, asset_id, asset_type, order_index)
VALUES (
    :user_id,
    :asset_id,
    :asset_type,
    (
        SELECT coalesce(max(favorite.order_index) + 1, 0)
        FROM user_favorites AS favorite
        WHERE favorite.user_id = :user_id AND favorite.deleted_at IS NULL
    )
)
ON CONFLICT (user_id, asset_id, asset_type) DO UPDATE
SET
    order_index = CASE
        WHEN user_favorites.deleted_at IS NULL THEN user_favorites.order_index
        ELSE excluded.order_index
    END,
    deleted_at = NULL
RETURNING order_index;

--! list_favorites
--- A user's favorites in the user's order.
SELECT asset_id, asset_type, order_index
FROM user_favorites
WHERE user_id = :user_id AND deleted_at IS NULL
ORDER BY order_index, asset_type, asset_id;

--! reorder_favorites
--- Puts a user's favorites into the order of the two lists, which are read side by side; of one that is named twice the first place
--- counts. Favorites that are not named keep their number.
UPDATE user_favorites
SET order_index = item.position - 1
FROM (
    SELECT named.asset_type, named.asset_id, min(named.position) AS position
    FROM unnest(:asset_types::asset_type_enum[], :asset_ids::uuid[])
        WITH ORDINALITY AS named (asset_type, asset_id, position)
    GROUP BY named.asset_type, named.asset_id
) AS item
WHERE
    user_favorites.user_id = :user_id
    AND user_favorites.asset_type = item.asset_type
    AND user_favorites.asset_id = item.asset_id
    AND user_favorites.deleted_at IS NULL;

--! get_asset_summary
--- What a list shows of an asset of any type: its title, and where and when it was made.
SELECT
    asset_type,
    asset_id,
    title,
    organization_id,
    created_by,
    created_at,
    updated_at
FROM live_assets
WHERE asset_type = :asset_type AND asset_id = :asset_id;
