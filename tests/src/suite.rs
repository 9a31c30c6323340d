//! What every driver promises: one file a behaviour, listed in [`behaviours`].

use futures::future::LocalBoxFuture;
use orm_core::Result;

use crate::backend::given::{Given, GivenAlone, GivenShared};
use crate::databases::Database;

pub mod adoption;
pub mod attributes;
pub mod auto_flush;
pub mod bad_input;
pub mod bad_rows;
pub mod bulk_outcome;
pub mod bulk_values;
pub mod bulk_writes;
pub mod cancel_sweep;
pub mod cascades;
pub mod cascades_under_filters;
pub mod checks;
pub mod collections;
pub mod collisions;
pub mod concurrency_checks;
pub mod condition_differential;
pub mod condition_pages;
pub mod condition_relations;
pub mod conditions;
pub mod contexts;
pub mod custom_types;
pub mod cut_connections;
pub mod database_views;
pub mod detach;
pub mod diagnose;
pub mod edits_while_flushing;
pub mod embeddables;
pub mod embedded_json;
pub mod enums;
pub mod errors;
pub mod explain;
pub mod filters;
pub mod flush;
pub mod flush_cost;
pub mod flush_failure;
pub mod flush_order;
pub mod flush_outcome;
pub mod flush_turns;
pub mod forks;
pub mod freed_values;
pub mod generated_columns;
pub mod generated_entities;
pub mod generated_keys;
pub mod hidden_values;
pub mod hooks;
pub mod hooks_taken_back;
pub mod hostile_conditions;
pub mod hostile_names;
pub mod hostile_text;
pub mod identity_map;
pub mod keys;
pub mod killed_connections;
pub mod lazy_loading;
pub mod legacy;
pub mod link_changes;
pub mod list_conditions;
pub mod lists;
pub mod load_strategy;
pub mod loaded_views;
pub mod lock_modes;
pub mod made_values;
pub mod memory;
pub mod merge_rows;
pub mod metadata_errors;
pub mod migrations;
pub mod naming;
pub mod narrow_columns;
pub mod never_saved;
pub mod on_delete;
pub mod origins;
pub mod outdated_statements;
pub mod pages;
pub mod plain_begin;
pub mod populate;
pub mod populate_where;
pub mod projections;
pub mod promises;
pub mod propagation;
pub mod raw_sql;
pub mod raw_streams;
pub mod read_only_sessions;
pub mod references;
pub mod relation_counts;
pub mod request_values;
pub mod result_cache;
pub mod result_cache_stores;
pub mod result_cache_voided;
pub mod rollback;
pub mod rolled_back;
pub mod round_trips;
pub mod row_locks;
pub mod scalars;
pub mod schema;
pub mod schema_diff;
pub mod schema_pairs;
pub mod schema_update;
pub mod seeds;
pub mod serialization;
pub mod set_based;
pub mod shapes;
pub mod skipped;
pub mod smoke;
pub mod snapshots;
pub mod soft_delete;
pub mod spellings;
pub mod streams;
pub mod subscribers;
pub mod tenants;
pub mod test_transactions;
pub mod transaction_ends;
pub mod transactions;
pub mod turns;
pub mod unique_values;
pub mod upserts;
pub mod value_pages;
pub mod versions;
pub mod view_lists;
pub mod views;
pub mod violations;
pub mod violations_by_position;

/// Something that is promised of every database.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// Its module and its function.
    pub name: &'static str,
    /// How many threads it runs on.
    pub threads: usize,
    /// Runs it on the database that the thread was [given](crate::databases::give).
    pub run: fn() -> LocalBoxFuture<'static, Result<()>>,
}

/// The listed functions, by module, on one kind of backend.
macro_rules! behaviours {
    ($backend:ty, $place:literal, $threads:literal; $($module:ident: $($test:ident),+ $(,)?;)+) => {
        [$($(Behaviour {
            name: concat!($place, stringify!($module), "::", stringify!($test)),
            threads: $threads,
            run: || Box::pin($module::$test::<$backend>()),
        }),+),+]
    };
}

/// Everything that is promised of a database.
#[must_use]
pub fn behaviours(database: Database) -> Vec<Behaviour> {
    let mut all = on_any_pool().to_vec();
    all.extend(on_one_connection());
    all.extend(on_many_threads());
    if database.is_server() {
        all.extend(on_a_server());
    }
    all
}

fn on_any_pool() -> &'static [Behaviour] {
    &behaviours! { Given, "", 1;
        identity_map:
            a_reference_leads_to_the_instance_that_is_found_later,
            finding_a_loaded_entity_by_key_sends_nothing,
            finding_by_key_asks_for_missing_relations_alone,
            finding_a_loaded_entity_by_another_field_gives_the_same_instance,
            two_finds_of_all_give_the_same_instances,
            finds_at_the_same_time_give_one_instance,
            every_path_to_a_row_ends_at_one_instance,
            a_persisted_entity_with_a_key_is_found_before_it_is_flushed,
            an_inserted_entity_is_found_by_its_generated_key,
            a_composite_key_has_one_instance,
            a_value_object_as_key_has_one_instance,
            writes_past_the_manager_are_not_seen_until_the_row_is_read_again,
            a_fork_starts_with_an_empty_identity_map,
            a_result_without_identity_map_is_complete_and_nobody_elses,
            clear_forgets_every_entity,
            handles_from_before_a_clear_stay_readable,
            merging_a_cached_graph_manages_exactly_what_it_holds,
            what_was_merged_is_not_inserted,
            a_detached_entity_can_be_merged_and_saved,
            merging_a_copy_of_a_managed_entity_is_an_edit,
            merging_without_a_key_is_refused,
            a_deleted_entity_is_forgotten,
            an_entity_to_be_removed_is_not_found,
            persist_takes_a_removal_back,
            a_removal_taken_back_can_be_scheduled_again,
            edits_survive_a_removal_that_is_taken_back,
            persisting_a_handle_changes_nothing,
            persisting_a_copy_of_a_managed_entity_is_refused,
            contains_knows_new_and_loaded_entities_of_its_own_context,
            handles_compare_by_identity_across_records,
            handles_hash_by_identity,
            a_new_entity_hashes_alike_before_and_after_its_flush,
            clones_of_a_handle_are_one_instance,
            a_handle_works_on_another_thread,
            debug_shows_own_fields_and_keys_of_others,
            debug_names_references_to_new_entities,
            debug_leaves_hidden_fields_out;
        merge_rows:
            a_later_row_brings_changes_of_others,
            null_in_a_later_row_wins_over_a_clean_field,
            null_in_a_later_foreign_key_wins_over_a_clean_reference,
            rows_of_a_populated_relation_are_later_rows,
            a_later_row_leaves_earlier_snapshots_alone,
            a_later_row_keeps_edited_fields_and_brings_the_others,
            null_in_a_later_row_does_not_win_over_an_edit,
            an_edit_to_null_is_kept,
            a_later_row_keeps_an_edited_reference,
            an_edit_that_the_row_has_too_is_no_change_any_more,
            a_later_row_leaves_a_removal_scheduled,
            changed_entities_of_one_type_are_one_write,
            a_row_that_moves_a_populated_relation_brings_the_new_target,
            a_row_that_moves_a_relation_asks_only_for_what_is_missing,
            a_row_that_moves_a_relation_moves_it_in_the_lists_too,
            a_populated_row_that_moves_a_relation_brings_the_new_target,
            a_refreshed_row_that_moves_a_relation_brings_the_new_target,
            refresh_overwrites_edits,
            refresh_takes_an_edited_reference_back,
            an_edit_after_a_refresh_is_saved,
            refreshing_a_deleted_row_is_an_error_and_evicts,
            a_find_with_refresh_overwrites_the_same_instance,
            a_find_by_key_with_refresh_asks_the_database,
            a_find_with_refresh_refreshes_what_it_populates,
            loading_does_not_reach_into_what_the_entity_refers_to,
            a_detached_entity_cannot_be_refreshed_or_loaded,
            a_new_entity_cannot_be_refreshed,
            a_row_does_not_overwrite_a_new_entity_with_its_key,
            a_reference_used_in_a_new_entity_stays_unloaded;
        snapshots:
            a_snapshot_does_not_change,
            snapshots_are_shared_until_an_edit,
            an_edit_is_seen_when_its_guard_is_dropped,
            guards_on_different_fields_are_both_kept,
            of_two_guards_on_one_field_the_last_published_wins,
            a_guard_publishes_only_what_it_changed,
            a_row_that_arrives_under_a_guard_is_kept,
            a_guard_may_be_held_across_an_await,
            guards_nest_in_one_expression,
            relations_may_be_written_under_a_guard,
            nothing_is_published_on_a_panic,
            an_update_that_panics_publishes_nothing,
            updates_from_many_threads_lose_nothing,
            updates_and_edits_from_many_tasks_lose_nothing,
            threads_on_different_fields_keep_each_others_edits,
            a_removed_entity_refuses_try_edit,
            a_detached_entity_refuses_try_edit,
            plain_edits_of_what_is_not_saved_change_the_snapshot_alone,
            try_edit_of_a_managed_entity_is_saved,
            nothing_is_sent_when_values_are_equal_again,
            a_reference_to_the_same_row_is_no_change,
            only_changed_columns_are_sent,
            floats_are_compared_by_their_bits,
            a_skipped_field_is_kept_and_never_sent,
            edits_while_a_flush_runs_are_kept_for_the_next,
            an_edit_back_while_a_flush_runs_is_written_by_the_next,
            a_new_entity_edited_while_it_is_inserted_keeps_the_edit,
            a_guard_over_a_flush_publishes_over_what_was_saved,
            an_entity_persisted_while_a_flush_runs_is_inserted_by_the_next,
            an_entity_removed_while_a_flush_writes_it_is_deleted_by_the_next;
        memory:
            a_context_goes_with_its_last_handle,
            a_manager_keeps_what_it_loaded,
            clear_frees_what_no_handle_holds,
            a_snapshot_outlives_its_context,
            replaced_snapshots_are_freed,
            a_request_context_leaves_nothing_behind,
            a_result_without_identity_map_goes_with_its_handles;
        smoke: the_main_path_works;
        collections:
            adding_an_item_sets_its_reference_and_leaves_the_other_collection,
            assigning_a_reference_moves_the_item_between_collections,
            assigning_a_reference_by_key_moves_the_item_too,
            a_new_item_is_in_its_owners_collection_at_once,
            removing_an_item_empties_an_optional_reference,
            removing_an_item_that_needs_its_owner_is_refused,
            an_item_that_is_removed_itself_may_leave,
            setting_a_collection_lets_go_of_the_rest,
            a_refused_set_changes_nothing,
            a_one_to_many_item_by_key_alone_is_refused,
            a_set_with_an_impossible_item_changes_nothing,
            both_sides_of_a_many_to_many_relation_agree_from_the_owner,
            both_sides_of_a_many_to_many_relation_agree_from_the_inverse,
            setting_a_many_to_many_collection_writes_the_differences,
            an_unloaded_inverse_side_can_be_written,
            an_unloaded_owning_side_can_be_written,
            a_many_to_many_item_may_be_a_key_alone,
            add_takes_whatever_leads_to_an_item,
            adding_twice_is_adding_once,
            adding_what_is_in_changes_nothing,
            removing_what_is_not_in_is_ignored,
            removing_from_a_collection_known_to_be_empty_sends_nothing,
            opposite_changes_cancel_each_other,
            links_are_written_once,
            a_many_to_many_relation_to_itself_keeps_its_directions_apart,
            both_sides_of_a_one_to_one_relation_agree,
            a_displaced_one_to_one_partner_lets_go,
            a_one_to_one_partner_is_replaced_by_a_new_one,
            a_one_to_one_partner_moves_from_place_to_place,
            assigning_the_inverse_of_a_one_to_one_relation_sets_it,
            an_unloaded_collection_says_so,
            the_collections_of_a_new_entity_are_known,
            pending_adds_survive_a_later_load,
            pending_links_survive_a_later_load,
            pending_changes_survive_a_refresh_of_the_query,
            two_loads_at_once_load_once,
            a_removed_entity_leaves_every_collection,
            a_removal_taken_back_restores_the_collections,
            later_rows_move_between_loaded_collections,
            what_is_gone_can_not_be_linked,
            the_content_of_a_new_entity_keeps_its_order,
            set_keeps_the_order_given,
            assigning_a_collection_in_an_edit_sets_it,
            an_edit_without_content_leaves_the_collection_alone,
            assigning_an_unloaded_collection_is_reported_by_the_flush,
            an_item_of_another_context_is_refused,
            a_collection_of_a_cleared_context_is_read_only,
            a_populated_collection_reads_like_a_slice,
            a_loaded_collection_counts_without_a_statement,
            collections_are_asked_with_some_none_and_every,
            conditions_on_collections_nest_and_combine,
            conditions_on_collections_do_not_multiply_rows,
            the_inverse_of_a_one_to_one_relation_can_be_asked;
        references:
            a_reference_is_made_without_a_query_and_loaded_once,
            a_reference_and_a_find_meet_in_one_instance,
            loading_a_reference_without_a_row_says_so,
            loading_a_broken_foreign_key_says_so,
            a_bound_reference_follows_its_field,
            an_unset_reference_says_so,
            removing_by_reference_alone_loads_nothing,
            removing_the_target_of_a_field_needs_no_load,
            a_field_takes_whatever_leads_to_its_target,
            a_condition_takes_whatever_leads_to_its_target,
            refs_are_plain_data,
            a_reference_to_a_new_entity_becomes_its_key,
            a_new_value_shared_by_two_refs_is_one_row,
            a_reference_may_have_a_composite_key,
            a_required_reference_left_unset_is_named_and_can_be_set,
            a_reference_to_no_row_is_refused_by_the_database,
            persist_takes_a_nested_graph,
            persist_takes_a_wide_graph,
            persist_takes_a_deep_graph,
            persist_takes_a_graph_deeper_than_the_stack,
            relations_set_after_persist_are_saved,
            an_entity_may_refer_to_itself,
            two_new_entities_may_refer_to_each_other;
        attributes:
            a_method_takes_its_manager_from_an_orm_in_self,
            a_method_takes_its_manager_from_a_manager_in_self,
            a_method_takes_its_manager_from_a_repository_in_self,
            an_expression_names_the_field,
            a_closure_names_the_field,
            a_call_names_the_source,
            an_argument_or_a_future_is_a_source,
            create_makes_a_context_at_each_call,
            create_makes_a_new_context_inside_another,
            ensure_reuses_the_present_context,
            a_synchronous_method_runs_in_a_context,
            a_returned_future_runs_in_a_context,
            attributes_of_two_databases_nest,
            branches_of_the_body_share_its_context,
            methods_of_a_trait_run_in_a_context,
            methods_under_async_trait_run_in_a_context,
            methods_of_generic_types_run_in_a_context,
            values_errors_and_early_returns_are_kept,
            an_error_of_the_source_is_returned,
            a_panic_ends_the_context,
            a_handle_may_be_returned_from_its_context;
        auto_flush:
            always_flushes_a_new_entity_before_a_find_of_its_type,
            always_flushes_before_a_find_of_another_type,
            always_flushes_an_edit_without_persist,
            always_flushes_a_removal,
            always_flushes_links,
            always_flushes_what_the_condition_reaches_through_a_relation,
            a_flush_before_a_query_costs_what_changed_not_what_is_loaded,
            always_sends_the_query_alone_when_nothing_is_pending,
            a_hit_of_the_identity_map_flushes_nothing,
            always_flushes_before_a_lookup_by_id_that_asks_the_database,
            always_holds_for_every_finder,
            a_query_may_ask_for_the_flush_itself,
            a_query_may_forbid_the_flush,
            commit_sends_changes_once_at_the_flush,
            commit_says_nothing,
            a_read_outside_a_transaction_never_writes,
            an_edit_that_a_validating_query_rejects_never_reaches_the_database,
            auto_says_that_a_query_misses_an_edit,
            auto_says_nothing_about_an_edit_that_was_taken_back,
            auto_says_that_a_query_misses_a_removal,
            auto_says_that_a_query_misses_a_link,
            auto_says_nothing_about_changes_of_other_types,
            auto_looks_through_the_relations_of_the_condition,
            auto_looks_through_what_the_query_populates,
            auto_says_nothing_after_the_flush,
            a_query_whose_flush_fails_returns_the_error_and_loses_nothing;
        contexts:
            the_global_manager_refuses_every_method_of_an_identity_map,
            a_repository_of_the_global_manager_is_guarded_too,
            the_guards_error_says_what_to_do,
            the_global_manager_can_be_forked_and_asked_for_its_name,
            a_fork_needs_no_context,
            a_query_without_the_identity_map_passes_the_guard,
            a_closure_runs_in_a_fork_of_its_own,
            create_returns_the_callbacks_value,
            populate_works_in_a_request_context,
            one_context_holds_the_managers_of_several_databases,
            a_context_of_one_database_is_none_for_another,
            a_nested_context_of_another_database_keeps_the_outer_one,
            joined_branches_share_the_context,
            a_spawned_task_does_not_inherit_the_context,
            a_spawned_task_is_carried_into_the_context_on_request,
            in_current_context_outside_any_changes_nothing,
            interleaved_contexts_on_one_task_never_mix,
            contexts_of_parallel_tasks_are_apart,
            a_nested_context_is_fresh_and_restores_the_outer_one,
            a_nested_context_is_warned_about,
            a_spawned_task_has_a_fork_of_the_context,
            a_fork_of_a_context_is_of_that_one,
            a_context_that_is_entered_again_stays_in_its_transaction,
            the_outer_context_is_back_after_an_error,
            the_outer_context_is_back_after_a_panic,
            the_outer_context_is_back_after_a_drop,
            ensure_reuses_a_context_or_begins_one,
            ensure_begins_a_context_where_the_present_one_has_another_manager,
            a_repository_follows_the_request_context,
            changes_through_a_repository_are_flushed_by_its_context,
            a_finder_resolves_its_context_when_it_is_polled,
            a_plain_fork_looks_no_further_than_itself,
            a_fork_with_use_context_follows_and_else_is_itself,
            the_manager_of_a_request_works_after_it,
            a_custom_storage_decides_the_context,
            a_custom_storage_is_asked_at_each_call,
            a_custom_storage_may_fork_inside_its_callback,
            a_custom_storage_replaces_request_contexts,
            allow_global_context_lets_the_global_manager_work,
            the_environment_variable_allows_the_global_context,
            the_option_overrides_the_environment_variable,
            get_context_is_the_manager_that_calls_go_to;
        forks:
            a_fork_starts_empty_and_leaves_its_parent_alone,
            forks_have_instances_of_their_own,
            forks_have_ids_of_their_own,
            a_fork_does_not_flush_what_waits_in_its_parent,
            a_fork_refuses_entities_of_its_parent,
            a_fork_that_keeps_entities_has_them_without_a_query,
            kept_entities_share_snapshots_and_no_identity,
            an_edit_of_a_kept_entity_is_never_seen_in_the_other_context,
            an_edit_that_waits_is_kept_as_one_that_waits,
            a_fork_that_keeps_entities_leaves_new_ones_to_its_parent,
            relations_of_kept_entities_stay_in_the_fork,
            clearing_a_fork_leaves_its_parent_alone,
            the_global_manager_forks_the_context_that_it_stands_for,
            a_fork_has_a_flush_mode_of_its_own,
            a_fork_inherits_the_flush_mode,
            a_request_inherits_the_flush_mode_of_its_manager,
            fork_options_are_not_changed_by_use;
        seeds:
            the_same_instance_of_one_entity_is_returned_always,
            the_identity_map_starts_empty_and_is_filled_and_updated_by_calls,
            a_known_id_is_answered_from_the_identity_map,
            the_identity_map_is_no_result_cache,
            operations_are_batched,
            rows_that_several_queries_match_exist_once_in_memory,
            clear_empties_the_identity_map,
            clear_of_the_global_manager_clears_the_map_of_the_request,
            a_fork_is_a_clean_manager_with_its_own_context_and_identity_map,
            a_fork_for_each_request_keeps_them_apart,
            the_global_identity_map_cannot_be_used,
            the_check_can_be_disabled_by_an_option,
            the_check_can_be_disabled_by_an_environment_variable,
            a_repository_injected_once_uses_the_manager_of_each_request,
            request_contexts_isolate_requests,
            create_attaches_a_fork_and_runs_next_in_it,
            a_handler_uses_the_fork_of_its_request_automatically,
            the_request_scoped_manager_can_be_had,
            there_is_no_request_scoped_manager_before_the_context,
            methods_of_the_global_manager_resolve_to_the_contextual_fork,
            get_context_prefers_the_fork_of_the_request,
            the_context_is_tracked_throughout_async_calls,
            a_storage_of_ones_own_can_be_brought,
            a_method_outside_requests_is_executed_in_a_separate_context,
            a_callback_may_return_the_manager_of_the_container,
            a_callback_receives_self,
            the_attribute_registers_a_request_context,
            nesting_the_attribute_is_warned_about,
            ensure_reuses_the_existing_context,
            ensure_creates_a_context_if_necessary,
            a_shared_identity_map_keeps_every_entity_that_became_managed,
            clearing_a_shared_identity_map_breaks_the_other_requests,
            memory_is_freed_when_a_request_ends,
            a_request_that_clears_its_map_leaves_the_others_alone,
            every_entity_converts_to_json,
            responses_are_stable_when_the_plain_book_is_asked_for_first,
            responses_are_stable_when_the_populated_book_is_asked_for_first,
            responses_are_stable_even_on_a_shared_identity_map,
            a_held_handle_is_written_as_its_own_query_said;
        populate:
            a_level_is_one_statement_however_many_parents,
            what_is_loaded_is_not_asked_for_again,
            only_what_is_missing_is_asked_for,
            each_target_is_asked_for_once,
            a_query_without_results_populates_nothing,
            finding_by_key_populates_what_is_loaded,
            populate_knows_no_bind_limit,
            several_relations_are_populated_at_once,
            naming_a_relation_twice_fills_its_slot_again,
            a_condition_does_not_narrow_what_is_populated,
            both_sides_of_a_one_to_one_relation_are_linked,
            eager_relations_in_a_circle_end,
            eager_relations_come_with_every_way_of_loading,
            composite_keys_are_populated,
            self_references_are_populated,
            items_come_in_the_declared_order,
            a_page_is_populated_alone,
            handles_are_populated_later,
            handles_of_another_context_are_not_populated,
            the_handle_of_a_new_entity_reads_its_collections,
            a_handle_is_checked_against_what_is_loaded,
            a_populated_relation_pointed_elsewhere_says_so,
            a_later_row_keeps_what_an_earlier_handle_was_promised,
            unmanaged_results_are_populated_too,
            a_refreshed_query_refreshes_what_it_populates,
            a_path_as_text_loads_what_the_typed_one_loads,
            an_unknown_path_is_refused_with_a_suggestion,
            a_broken_foreign_key_is_named,
            a_relation_that_may_be_missing_is_an_option,
            a_failed_populate_leaves_the_context_usable,
            populating_keeps_unsaved_edits,
            a_removed_item_is_not_populated,
            every_relation_of_a_model_is_populated;
        lazy_loading:
            a_loop_over_a_lazy_collection_is_one_statement,
            a_loop_over_a_lazy_reference_is_one_statement,
            lazily_loaded_nothing_is_known_too,
            loads_at_the_same_time_share_one_statement,
            a_load_waits_for_another_one_with_a_limit,
            loading_siblings_can_be_declined,
            siblings_are_the_entities_of_one_query,
            items_of_a_collection_are_siblings,
            a_new_entity_loads_what_it_points_to,
            a_new_entity_has_nothing_to_load,
            a_dropped_lazy_load_lets_a_waiting_sibling_go_on,
            a_dropped_load_of_a_reference_lets_a_waiting_sibling_go_on,
            a_dropped_find_lets_others_go_on,
            a_dropped_populate_is_taken_up_by_the_next,
            a_query_dropped_anywhere_can_be_asked_again,
            a_lazy_load_dropped_anywhere_can_be_asked_again,
            a_dropped_lookup_by_key_can_be_asked_again,
            a_failed_lazy_load_does_not_fail_its_siblings;
        serialization:
            a_response_does_not_depend_on_what_was_asked_before,
            hints_belong_to_the_handle,
            what_is_populated_is_written_out_and_no_more,
            without_hints_relations_are_keys,
            an_empty_collection_is_a_list_an_unpopulated_one_is_absent,
            an_absent_to_one_relation_is_null,
            circles_end,
            an_entity_that_refers_to_itself_ends_too,
            fields_come_in_the_order_of_the_struct,
            a_response_shows_the_entity_as_it_is_now,
            a_broken_promise_is_an_error_of_the_serializer,
            a_missing_target_is_null_when_populated,
            a_composite_key_is_a_list,
            hidden_fields_are_left_out_and_names_follow_the_rules,
            every_type_has_its_form,
            a_new_entity_is_written_with_its_collections,
            handles_are_a_part_of_any_response;
        link_changes:
            the_last_word_about_an_unloaded_link_is_written,
            the_last_word_about_an_unloaded_inverse_link_is_written,
            links_changed_back_while_a_flush_runs_are_written_by_the_next,
            a_refused_set_leaves_nothing_pending,
            an_item_hidden_while_its_collection_was_set_comes_back,
            find_one_skips_rows_that_are_to_be_removed,
            adding_to_a_collection_of_a_deleted_entity_is_refused;
        adoption:
            a_replacement_that_is_given_up_leaves_one_instance,
            a_refused_persist_leaves_managed_entities_alone,
            a_refused_persist_leaves_references_alone,
            a_refused_persist_leaves_the_new_values_inside,
            a_generated_key_that_does_not_fit_saves_no_row,
            a_merge_leaves_lists_and_references_in_agreement,
            a_failed_merge_changes_nothing,
            the_key_of_a_new_entity_may_still_change;
        promises:
            a_populated_handle_stays_readable_after_its_entity_was_deleted,
            newcomers_of_a_populated_list_have_what_was_promised,
            a_populated_relation_that_becomes_set_can_be_read,
            a_moved_relation_brings_what_was_populated_below,
            a_list_of_an_entity_born_here_takes_up_later_rows,
            an_edit_of_a_deleted_entity_touches_nobody_else,
            looking_at_the_plan_takes_no_error_away,
            an_edit_without_a_change_is_not_pending,
            a_removal_taken_back_during_its_delete_is_inserted_again,
            a_cascade_spares_what_the_same_flush_saved,
            updates_of_versioned_entities_during_flushes_are_not_stale;
        flush:
            a_new_entity_gets_its_row_and_its_key,
            an_inserted_entity_is_managed,
            each_row_of_a_batch_gets_its_own_key,
            nothing_is_sent_when_nothing_changed,
            an_edit_back_to_what_it_was_sends_nothing,
            a_second_flush_sends_nothing,
            an_update_sets_only_what_changed,
            updates_of_one_shape_are_one_write,
            a_repointed_relation_is_an_update_of_its_column,
            a_relation_set_by_key_needs_no_load,
            a_removed_entity_is_deleted_and_forgotten,
            a_reference_is_removed_without_a_load,
            a_new_entity_that_is_removed_is_never_inserted,
            persisting_or_removing_twice_is_doing_it_once,
            persisting_takes_a_removal_back,
            a_deleted_entity_can_be_inserted_again,
            an_insert_and_a_removed_reference_share_a_flush,
            what_a_new_entity_holds_is_persisted_with_it,
            a_new_entity_assigned_in_an_edit_is_persisted,
            links_are_written_and_deleted_from_either_side,
            links_to_keys_need_no_load,
            a_link_that_is_taken_back_is_not_written,
            a_link_that_exists_is_left_as_it_is,
            the_links_of_a_deleted_row_go_with_it,
            a_flush_is_one_transaction,
            edits_before_the_first_flush_are_in_the_insert,
            many_rows_are_cut_into_batches,
            the_plan_of_a_flush_can_be_read,
            clear_forgets_what_was_to_be_written;
        flush_order:
            what_is_referred_to_is_inserted_first,
            the_order_of_persisting_does_not_matter,
            what_refers_to_others_is_deleted_first,
            a_tree_is_inserted_level_by_level,
            a_tree_given_as_one_value_is_inserted_whole,
            a_row_that_refers_to_itself_is_closed_by_an_update,
            a_row_that_refers_to_its_own_known_key_is_one_insert,
            two_rows_that_refer_to_each_other_are_closed_by_an_update,
            many_circles_are_closed_in_batches,
            an_optional_circle_of_types_is_closed_by_an_update,
            a_circle_between_known_rows_is_plain_updates,
            a_required_circle_is_refused_before_any_statement,
            a_removed_entitys_key_is_free_in_the_same_flush,
            a_target_goes_after_what_referred_to_it_was_repointed,
            a_unique_value_that_is_given_up_is_free_in_the_same_flush,
            a_tree_is_deleted_whole,
            a_tree_larger_than_a_batch_is_deleted_whole,
            an_optional_circle_is_deleted_whole;
        flush_failure:
            a_flush_that_can_not_begin_changes_nothing,
            a_flush_whose_first_write_fails_changes_nothing,
            a_flush_that_fails_after_inserts_changes_nothing,
            a_flush_whose_last_write_fails_changes_nothing,
            a_flush_whose_commit_is_refused_changes_nothing,
            a_violated_constraint_fails_the_whole_flush,
            a_broken_foreign_key_fails_the_whole_flush,
            a_refused_delete_can_be_taken_back,
            an_unset_required_relation_is_refused_before_any_statement,
            an_emptied_required_relation_is_refused_before_any_statement,
            a_failed_flush_leaves_versions_alone,
            a_new_entity_can_be_forgotten_after_a_failed_flush,
            the_keys_of_a_failed_flush_are_free,
            a_closed_pool_fails_the_flush;
        flush_outcome:
            a_flush_may_be_cut_off_at_any_statement,
            a_flush_may_be_dropped_at_any_await,
            a_dropped_flush_leaves_no_trace,
            a_lost_commit_is_said_by_every_later_write,
            a_commit_known_to_be_lost_is_repeated,
            a_commit_known_to_have_worked_is_settled,
            edits_made_while_the_outcome_is_unknown_are_kept,
            clear_forgets_an_unknown_outcome,
            accepting_an_outcome_that_is_known_does_nothing;
        migrations:
            what_is_pending_is_applied_in_order,
            down_and_up_again_is_where_it_began,
            any_version_can_be_gone_to,
            a_failed_migration_leaves_nothing_or_is_reported,
            a_failed_way_back_leaves_everything_or_is_reported,
            a_migration_may_be_without_a_transaction,
            a_changed_file_is_found,
            a_missing_file_is_found,
            order_matters_unless_it_may_not,
            mistakes_in_scripts_are_found_before_anything_is_run,
            files_that_are_wrong_are_named,
            what_can_not_be_taken_back_says_so,
            a_database_may_be_taken_as_migrated,
            migrations_may_be_embedded,
            cached_results_are_voided,
            a_migration_is_written_from_what_the_entities_need,
            a_later_migration_is_written_from_what_has_changed,
            a_runner_that_waits_too_long_says_for_whom,
            a_run_may_be_cut_off_at_any_await;
        test_transactions:
            nothing_of_a_test_stays,
            the_outcome_of_a_test_comes_back,
            a_test_that_panics_leaves_nothing,
            a_test_that_is_cut_off_leaves_nothing,
            what_is_committed_in_a_test_is_seen_in_it,
            a_test_goes_on_after_a_refused_row,
            every_context_of_a_test_is_in_it,
            a_program_notices_no_transaction_of_the_test,
            work_after_a_commit_runs_in_a_test,
            subscribers_hear_of_the_programs_transactions_alone,
            what_leaves_a_test_writes_nothing,
            tests_may_stand_in_tests,
            tests_at_the_same_time_keep_apart;
        transactions:
            what_is_persisted_in_a_transaction_is_flushed_before_its_commit,
            an_error_in_a_transaction_rolls_back_and_is_returned,
            a_transaction_keeps_the_programs_own_error_type,
            a_nested_transaction_is_a_savepoint,
            a_failed_flush_leaves_the_transaction_usable,
            the_outer_handle_is_inside_the_transaction,
            the_global_manager_follows_the_transaction,
            a_fork_is_outside_of_its_parents_transaction,
            a_query_in_a_transaction_flushes_what_it_could_miss,
            transactions_by_hand,
            a_commit_by_hand_that_fails_keeps_its_work,
            a_dropped_context_rolls_its_transaction_back,
            required_joins_and_its_failure_refuses_the_commit,
            propagations_that_depend_on_an_open_transaction,
            a_second_transaction_is_refused_where_there_can_be_none,
            a_savepoint_has_no_isolation_level,
            a_failing_rollback_does_not_hide_the_first_error,
            hooks_run_after_the_end_of_a_transaction;
        transaction_ends:
            a_flush_that_waited_for_the_end_comes_after_it,
            a_transaction_that_waited_for_the_end_comes_after_it,
            a_bulk_write_that_waited_for_the_end_comes_after_it,
            a_flush_that_outlives_its_transaction_is_refused,
            a_hook_may_not_end_the_transaction,
            a_rollback_waits_for_its_connection_with_a_limit,
            a_joined_part_that_is_dropped_refuses_the_commit,
            a_begin_without_an_end_fails_the_transaction,
            a_closure_ends_nothing_but_its_own,
            a_rollback_takes_back_the_keys_of_many_rows;
        propagation:
            an_attribute_on_a_plain_fork_refuses_to_leave_the_transaction,
            an_attribute_on_the_global_manager_moves_the_body,
            not_supported_reads_beside_the_transaction,
            going_without_a_transaction_needs_no_context,
            a_savepoint_writes_no_more_than_its_transaction,
            a_reading_savepoint_makes_no_room_for_a_second_writer;
        rollback:
            a_flushed_edit_waits_again,
            a_flushed_graph_is_new_again,
            a_flushed_removal_is_scheduled_again,
            flushed_links_wait_again,
            a_savepoint_takes_back_what_came_after_it,
            uncommitted_rows_are_read_again,
            a_flushed_move_shows_in_both_lists,
            inserted_and_removed_is_forgotten,
            a_replaced_row_and_its_heir_wait_again,
            a_dropped_transaction_changes_nothing,
            an_unanswered_commit_is_the_programs_to_decide;
        origins:
            statements_tell_who_has_called,
            a_transaction_tells_each_place,
            statements_are_counted_by_context,
            a_request_counts_what_is_its_own,
            contexts_of_a_test_count_their_own,
            repeated_statements_name_the_populate_to_add,
            strict_loading_refuses_repeated_statements;
        turns:
            transactions_of_one_context_take_turns,
            nested_transactions_take_turns,
            a_spawned_task_uses_the_closures_manager,
            a_wait_has_an_end_and_names_the_holder,
            nested_transactions_in_many_tasks_finish,
            a_busy_transaction_is_tried_again,
            an_unknown_outcome_is_never_tried_again,
            what_was_committed_is_never_tried_again,
            what_no_transaction_takes_back_is_never_tried_again,
            trying_again_in_a_transaction_needs_a_second_connection,
            a_wait_for_the_pool_has_an_end_and_names_the_holder,
            a_transaction_that_went_with_its_context_is_named_no_more,
            who_waits_for_the_pool_hears_of_every_holder,
            a_task_beside_a_transaction_writes_its_own,
            a_bulk_write_beside_a_transaction_is_not_rolled_back,
            a_bulk_write_in_a_hook_of_a_transaction_is_refused;
        edits_while_flushing:
            fields_edited_at_any_await_are_written_next,
            references_edited_at_any_await_are_written_next,
            links_edited_at_any_await_are_written_next,
            removals_made_at_any_await_are_written_next,
            what_is_persisted_at_any_await_is_written_next;
        flush_turns:
            flushes_at_the_same_time_write_once,
            a_waiting_flush_writes_what_came_meanwhile,
            a_failed_flush_does_not_fail_the_next,
            each_flush_has_its_own_result,
            a_flush_dropped_while_it_waits_gives_up_its_turn,
            edits_made_while_a_flush_runs_stay_dirty,
            an_edit_of_a_field_that_is_being_written_is_kept,
            removals_and_links_made_while_a_flush_runs_wait,
            a_new_entity_removed_while_it_is_inserted_is_deleted,
            flushes_of_two_managers_are_both_written;
        keys:
            a_uuid_is_made_when_the_entity_is_persisted,
            an_assigned_uuid_is_kept,
            a_function_makes_a_key_that_is_not_assigned,
            an_assigned_key_is_inserted_as_given,
            an_optional_key_is_none_until_it_is_made,
            a_forgotten_key_is_refused_and_may_be_set,
            a_key_set_in_an_edit_is_the_key,
            the_key_of_a_managed_entity_can_not_be_changed,
            a_stored_key_of_zero_is_a_key,
            a_key_that_no_column_holds_is_refused,
            a_shared_key_is_that_of_its_target,
            a_shared_key_of_a_known_target_is_known_at_once,
            a_shared_key_without_its_target_is_refused,
            a_composite_key_names_its_row,
            a_composite_key_is_referred_to_by_all_its_parts,
            an_incomplete_composite_key_is_refused;
        set_based:
            ten_thousand_entities_take_few_statements,
            a_thousand_links_take_one_statement;
        versions:
            a_version_counts_the_updates,
            an_assigned_first_version_is_kept,
            a_version_does_not_count_flushes_without_a_change,
            without_a_version_the_last_flush_wins,
            the_version_is_the_flushes_own,
            a_stale_entity_is_refused,
            a_later_row_brings_its_version,
            an_update_of_a_deleted_row_is_refused,
            a_version_that_is_a_time_moves_on,
            a_version_ahead_of_the_clock_moves_on,
            an_older_time_is_stale,
            one_stale_row_of_a_hundred_is_named,
            a_stale_row_can_be_detached,
            a_change_of_an_inverse_side_is_no_update,
            every_stale_row_of_a_flush_is_named,
            a_version_at_its_end_is_refused,
            tasks_that_try_again_lose_no_update,
            a_removed_entity_that_changed_is_stale,
            a_removed_entity_that_is_gone_is_stale,
            a_removal_by_key_is_not_compared,
            rows_that_go_together_are_not_stale;
        concurrency_checks:
            a_compared_field_that_changed_is_stale,
            a_field_that_is_not_compared_may_change,
            an_absent_value_is_compared_too,
            a_reference_is_compared,
            rows_are_compared_in_one_write,
            a_compared_row_that_is_gone_is_stale,
            a_version_and_compared_fields_go_together,
            a_removal_is_compared,
            a_circle_of_compared_references_goes,
            compared_values_are_exchanged;
        lock_modes:
            an_optimistic_lock_compares_the_loaded_version,
            a_reference_is_loaded_before_it_is_locked,
            an_entity_without_a_version_is_refused,
            an_entity_that_is_not_managed_is_not_locked,
            a_finder_compares_the_stored_version,
            an_expected_version_is_of_the_entitys_kind,
            a_pessimistic_lock_needs_a_transaction,
            a_lock_in_a_transaction_is_asked_of_the_database,
            a_locked_entity_is_brought_up_to_date,
            a_reference_is_loaded_locked,
            a_lock_that_is_not_available_says_why,
            tasks_that_lock_first_lose_no_update,
            a_database_without_locks_says_so;
        on_delete:
            cascading_rows_are_forgotten_too,
            emptied_references_are_empty_in_memory,
            a_cascade_empties_what_refers_to_its_rows,
            a_row_written_and_then_emptied_is_empty_in_memory,
            edits_of_an_emptied_entity_are_kept,
            what_was_moved_away_stays,
            other_rows_are_left_alone,
            a_failed_cascade_forgets_nothing,
            a_row_that_is_referred_to_is_not_deleted;
        scalars:
            integers_come_back_at_their_edges,
            the_upper_half_of_u64_is_refused,
            floats_come_back_at_their_edges,
            nan_comes_back_or_is_refused,
            truth_values_come_back,
            text_comes_back_whatever_is_in_it,
            bytes_come_back_whatever_they_are,
            uuids_come_back,
            dates_and_times_come_back_to_the_microsecond,
            finer_than_a_microsecond_is_no_change,
            an_offset_is_not_kept,
            years_out_of_range_come_back_or_are_refused,
            decimals_keep_every_digit,
            json_comes_back,
            enums_and_newtypes_come_back,
            enums_are_stored_as_their_attributes_say,
            options_tell_none_from_empty,
            options_are_set_and_emptied,
            what_was_loaded_is_no_change,
            relation_fields_are_plain_data;
        embeddables:
            each_field_is_a_column_of_its_own,
            an_embedded_struct_is_read_as_it_was_saved,
            an_edit_of_one_field_writes_its_column_alone,
            edits_of_different_fields_are_merged,
            a_later_row_keeps_the_edited_field,
            a_field_of_a_struct_is_asked_for_as_any_other,
            an_optional_struct_comes_and_goes_as_a_whole,
            a_struct_that_goes_is_not_mixed_with_an_edit_in_it,
            a_row_with_a_part_of_a_struct_is_refused,
            a_violation_names_the_field_in_the_struct,
            a_struct_is_an_object_in_a_response,
            fields_of_a_struct_are_made,
            bulk_writes_take_fields_of_a_struct,
            fields_of_a_struct_are_selected,
            whole_structs_are_selected,
            a_view_shows_structs_and_fields_in_them,
            columns_are_named_by_the_entity,
            a_naming_strategy_decides_on_prefixes,
            indexes_and_orders_name_fields_in_structs,
            two_fields_on_one_column_are_refused;
        embedded_json:
            what_serde_knows_is_read_as_it_was_saved,
            an_edit_writes_the_column_alone,
            an_absent_document_is_null,
            a_stored_document_that_does_not_fit_is_refused,
            what_is_hidden_in_a_document_is_in_no_response,
            documents_are_selected_and_set;
        skipped:
            a_skipped_field_is_no_column,
            an_edit_of_a_skipped_field_is_nothing_to_write,
            a_skipped_field_survives_later_rows;
        naming:
            the_default_is_snake_case,
            attributes_override_the_rules,
            a_strategy_names_what_no_attribute_names,
            the_metadata_can_be_read;
        legacy:
            rows_are_read_by_the_names_they_have,
            relations_are_populated_over_odd_names,
            conditions_follow_odd_names,
            rows_are_written_by_the_names_they_have,
            a_violation_names_the_field_behind_the_column,
            a_view_is_read_like_a_table,
            a_missing_table_is_told_as_such;
        read_only_sessions: every_write_says_that_the_database_only_reads;
        narrow_columns:
            a_flush_tells_a_number_out_of_range,
            bulk_writes_tell_a_number_out_of_range,
            texts_and_decimals_that_are_too_long_are_told,
            a_column_of_another_type_is_told;
        spellings:
            a_row_asked_for_in_another_spelling_is_one_entity,
            keys_of_a_fixed_length_are_as_they_were_written,
            references_in_any_spelling_lead_to_one_entity,
            lists_in_views_hold_what_refers_in_any_spelling,
            a_reference_that_is_loaded_lazily_leads_to_the_entity,
            lists_hold_what_refers_in_any_spelling,
            a_bare_reference_becomes_the_entity,
            what_is_removed_is_gone_in_every_spelling,
            two_instances_of_one_row_are_told,
            a_key_that_leads_nowhere_is_told;
        custom_types:
            custom_types_come_back,
            custom_types_are_asked_for_and_changed,
            a_value_that_a_custom_type_refuses_is_an_error,
            a_stored_value_that_is_none_of_a_custom_type_is_an_error;
        round_trips:
            integers_go_every_way,
            floats_go_every_way,
            text_and_bytes_go_every_way,
            dates_and_times_go_every_way,
            other_types_go_every_way;
        enums:
            labels_come_back,
            labels_are_changed,
            conditions_take_labels,
            labels_are_read_in_every_way,
            an_enum_is_a_key,
            the_database_refuses_what_is_no_label,
            an_unknown_label_is_an_error,
            types_of_enums_go_with_their_tables,
            enums_without_sense_are_refused;
        lists:
            lists_come_back,
            lists_are_changed,
            lists_are_compared_whole,
            lists_are_read_in_every_way,
            elements_that_no_list_holds_are_refused,
            a_stored_element_that_does_not_fit_is_refused,
            a_list_as_key_is_refused;
        list_conditions:
            elements_of_every_kind_are_found,
            elements_are_compared_as_columns_are,
            what_no_list_holds_is_not_found,
            elements_mean_their_text,
            lists_meet_conditions_as_in_memory,
            a_filter_on_elements_is_not_bypassed,
            elements_are_asked_for_everywhere;
        schema:
            a_unique_field_takes_no_value_twice,
            unique_fields_take_no_combination_twice,
            a_conditional_unique_holds_where_its_condition_does,
            a_length_bounds_text_and_bytes,
            defaults_are_for_rows_of_other_programs,
            tables_refuse_what_the_entity_does_not_allow,
            the_script_names_every_table_and_index,
            the_script_can_be_run_by_hand,
            create_fails_on_tables_that_exist_and_drop_does_not_mind,
            circles_of_tables_are_created_and_dropped,
            every_kind_of_key_and_column_has_a_table;
        checks:
            a_check_of_a_field_names_it,
            a_check_of_a_reference_names_it,
            a_check_of_the_row_names_what_it_is_about,
            an_update_is_checked,
            an_expression_fills_in_rows_of_other_programs,
            comments_are_kept_as_they_are;
        generated_entities:
            what_is_printed_is_known_to_the_word,
            printed_entities_need_no_change,
            what_has_no_entity_is_said,
            printed_entities_read_the_rows;
        schema_diff:
            what_was_created_needs_no_change,
            an_update_of_an_empty_database_creates_it,
            what_is_understood_is_what_was_created;
        schema_update:
            what_is_safe_is_done_and_keeps_the_rows,
            what_was_changed_holds,
            keys_are_counted_on_after_an_update,
            what_is_destructive_is_left_out,
            what_is_destructive_is_done_where_it_is_allowed,
            a_refused_update_changes_nothing,
            a_rename_keeps_the_rows,
            an_update_can_be_taken_back,
            unknown_tables_are_left_alone,
            a_new_label_is_safe,
            a_label_that_goes_is_destructive,
            labels_in_another_order_keep_the_rows,
            what_is_computed_changes_with_its_expression,
            computing_what_rows_hold_is_destructive;
        schema_pairs:
            an_update_leads_from_any_schema_to_any_other,
            a_safe_update_loses_nothing;
        database_views:
            a_view_is_read_as_any_entity,
            relations_of_views_are_populated,
            views_come_and_go_in_their_order,
            lists_of_a_view_are_not_changed,
            a_query_of_a_view_flushes_what_it_may_read,
            a_cached_view_is_void_when_a_table_is_written,
            an_update_replaces_views,
            views_of_others_are_left_alone,
            a_view_takes_the_place_of_no_table,
            what_is_read_only_is_somebody_elses,
            a_foreign_key_to_what_is_read_only_stays,
            what_is_no_view_is_refused;
        generated_columns:
            an_insert_reads_back_what_is_computed,
            an_update_reads_back_what_is_computed,
            rows_are_read_back_together,
            rows_with_keys_of_references_are_read_back,
            a_computed_field_cannot_be_set,
            bulk_writes_leave_it_out,
            a_unique_computed_field_is_named,
            a_rollback_takes_it_back,
            a_virtual_column_is_computed_when_it_is_read;
        metadata_errors:
            two_entities_on_one_table_are_refused,
            two_entities_of_one_name_are_refused,
            two_fields_on_one_column_are_refused,
            a_wrong_number_of_join_columns_is_refused,
            two_inverse_sides_of_one_relation_are_refused,
            a_pivot_that_collides_is_refused,
            an_entity_without_a_table_name_is_refused,
            a_name_beyond_the_limit_is_refused,
            an_unknown_entity_is_refused_by_name;
        conditions:
            equal_and_not_equal,
            none_stands_for_null,
            greater_and_less,
            between_includes_both_ends,
            one_of_a_list,
            lists_may_be_longer_than_the_bind_limit,
            like_has_wildcards,
            literal_text_is_escaped,
            every_text_contains_the_empty_one,
            literal_text_of_any_plane,
            conditions_are_put_together,
            and_if_takes_what_is_there,
            all_of_nothing_is_everything_and_any_is_nothing,
            filter_narrows_a_query,
            a_condition_is_used_more_than_once,
            long_chains_are_no_problem,
            a_missing_row_says_what_was_asked_for;
        condition_relations:
            the_related_entity_meets_a_condition,
            to_one_conditions_nest,
            the_other_side_of_one_to_one_meets_a_condition,
            some_none_and_every,
            an_unknown_item_does_not_meet_a_condition,
            conditions_on_many_to_many,
            quantifiers_nest,
            a_relation_equals_an_entity_or_its_key,
            comparing_a_relation_joins_nothing,
            a_relation_equals_no_new_entity;
        condition_pages:
            results_are_ordered_by_a_field,
            results_are_ordered_by_several_fields,
            results_are_ordered_through_relations,
            limit_and_offset_cut_a_page,
            limits_of_any_size_are_no_problem,
            a_key_that_is_named_twice_is_found_once,
            conditions_on_many_double_no_row,
            a_limit_is_one_of_roots,
            find_and_count_counts_without_the_page,
            find_one_takes_the_first,
            a_repository_counts_and_pages;
        explain:
            statements_are_shown_without_sending_them,
            values_are_hidden_in_debug,
            showing_a_statement_flushes_nothing,
            the_plan_is_told_in_lines,
            what_a_query_refuses_is_not_shown;
        pages:
            pages_are_what_one_query_gives,
            what_comes_and_goes_between_pages_shifts_nothing,
            an_empty_page_has_no_cursors,
            a_page_is_populated,
            a_page_has_numbers_of_relations,
            pending_changes_do_not_shift_pages,
            composite_keys_are_gone_through,
            a_tampered_cursor_is_refused,
            a_cursor_of_another_query_is_refused,
            a_page_of_nothing_is_refused;
        filters:
            a_fork_can_start_with_the_filters_own_defaults,
            finders_and_counts_meet_the_filters,
            a_query_switches_filters_and_sets_parameters,
            an_unknown_filter_is_an_error,
            a_context_switches_filters_for_its_queries,
            results_without_identity_map_meet_the_filters,
            two_filters_of_one_name_are_refused,
            finding_by_key_does_not_bypass_a_filter,
            a_filter_that_memory_cannot_tell_asks_the_database,
            loading_a_reference_does_not_bypass_a_filter,
            a_required_reference_to_what_is_hidden_hides_its_owner,
            a_required_reference_below_a_collection_hides_its_owner,
            an_optional_reference_to_what_is_hidden_reads_as_none,
            collections_hold_what_is_shown,
            a_list_of_other_filters_is_loaded_again,
            conditions_through_relations_meet_the_filters,
            setting_a_partial_list_keeps_what_is_hidden,
            a_hidden_item_can_be_taken_out_by_name;
        soft_delete:
            a_removal_sets_the_time_and_hides_the_row,
            a_query_can_ask_for_what_is_deleted,
            a_reference_is_removed_softly,
            a_soft_delete_checks_the_version,
            a_removal_is_taken_back,
            removing_twice_keeps_the_first_time,
            removing_what_was_restored_removes_it,
            a_removal_for_good_deletes_the_row,
            a_removal_for_good_can_be_taken_back,
            a_required_reference_to_a_deleted_row_hides_its_owner,
            a_deleted_row_frees_its_unique_value_and_keeps_its_links,
            a_failed_flush_leaves_the_removal_waiting,
            the_plan_names_a_soft_delete,
            a_rollback_brings_a_soft_deleted_entity_back,
            what_a_hook_changes_goes_into_the_same_update,
            what_a_hook_changed_is_taken_back,
            what_a_subscriber_changes_goes_into_the_same_update;
        cascades_under_filters:
            what_filters_hide_goes_along,
            a_list_that_shows_a_part_is_completed_for_the_cascade_alone,
            rows_of_another_tenant_refuse_the_removal,
            rows_that_the_database_would_cascade_are_guarded_too,
            what_is_softly_deleted_already_keeps_its_time,
            a_removal_for_good_takes_everything_for_good,
            a_softly_deleted_item_is_known_after_its_list_lost_it,
            a_row_that_stays_keeps_the_row_it_needs;
        tenants:
            a_request_sees_its_tenant,
            a_request_without_a_tenant_is_refused,
            changing_the_tenant_hides_what_is_loaded,
            a_new_row_of_another_tenant_is_refused,
            a_new_row_is_judged_by_the_database_where_memory_cannot,
            a_row_of_another_tenant_is_not_written,
            a_guard_is_part_of_the_statement;
        request_values:
            a_manager_keeps_one_value_a_type,
            a_fork_starts_with_the_values_of_its_parent,
            clear_keeps_the_values,
            values_belong_to_the_current_context;
        condition_differential:
            generated_conditions_find_what_memory_finds;
        errors:
            an_unknown_path_says_what_was_meant,
            a_copy_of_a_managed_entity_is_refused,
            an_entity_of_another_context_is_refused,
            an_entity_of_another_context_in_an_edit_is_told_by_flush,
            a_foreign_item_in_an_assigned_collection_is_told_by_flush,
            a_detached_entity_is_refused,
            a_removed_entity_is_refused,
            removing_what_is_not_there_says_so,
            a_relation_that_is_not_loaded_says_so,
            a_closed_pool_says_so,
            other_errors_pass_through;
        bad_rows:
            a_row_that_fits_is_read,
            null_in_a_required_field_is_refused,
            null_in_a_required_reference_is_refused,
            a_number_out_of_range_is_refused,
            text_that_does_not_parse_is_refused,
            an_unknown_variant_is_refused,
            a_column_of_another_kind_is_refused,
            text_that_is_no_utf8_is_refused,
            a_bad_row_leaves_the_identity_map_untouched,
            a_bad_row_below_a_relation_is_told_alike,
            a_bad_row_is_told_by_refresh;
        unique_values:
            two_rows_swap_a_value,
            values_are_swapped_beside_a_delete,
            required_values_go_round_in_a_circle,
            a_long_line_moves_up_in_two_writes,
            many_swaps_are_a_few_writes,
            a_value_is_handed_on,
            a_removed_rows_value_is_free_for_an_update,
            a_delete_without_a_conflict_stays_last,
            null_is_in_nobodys_way,
            children_of_an_early_delete_go_before_it,
            a_key_is_taken_over,
            what_moves_to_the_heir_moves_before_the_delete,
            an_exchange_without_a_stand_in_is_refused,
            one_to_one_relations_are_exchanged,
            a_one_to_one_relation_moves_to_a_new_row,
            a_failed_exchange_can_be_repeated,
            a_value_that_two_rows_want_is_a_violation;
        views:
            a_view_is_read_by_one_statement,
            a_missing_relation_is_named,
            a_view_is_one_row;
        result_cache:
            an_answer_is_shared_by_contexts,
            clearing_a_context_leaves_the_cache,
            cached_rows_are_merged_as_fresh_ones,
            another_question_is_asked,
            tenants_do_not_mix,
            populated_relations_are_cached,
            every_finder_can_be_cached,
            values_of_every_type_are_cached,
            a_transaction_leaves_the_cache_alone,
            what_must_be_fresh_is_asked_for,
            an_answer_gets_too_old,
            a_lifetime_may_be_anything,
            a_failure_is_not_cached;
        result_cache_voided:
            a_flush_voids_what_it_writes,
            changed_links_void_what_leads_through_them,
            bulk_writes_void,
            a_transaction_voids_at_its_commit,
            a_soft_delete_voids,
            what_the_database_cascades_to_is_voided,
            an_answer_depends_on_all_that_is_named,
            a_fragment_depends_on_every_table,
            raw_sql_voids_what_it_may_write,
            a_program_can_void,
            what_is_voided_in_a_transaction_is_voided_by_its_commit,
            a_new_schema_voids_everything,
            what_may_be_committed_is_in_doubt,
            what_was_read_before_a_commit_is_void_after_it;
        result_cache_stores:
            a_program_brings_its_own_store,
            programs_share_a_store,
            what_other_programs_write_is_seen_later,
            a_store_that_fails_fails_no_query,
            a_store_that_is_silent_is_given_up,
            a_damaged_entry_is_replaced;
        loaded_views:
            a_view_of_a_handle_is_that_of_the_query,
            a_view_of_a_handle_is_as_the_handle,
            what_is_not_loaded_is_not_viewed;
        value_pages:
            pages_go_by_related_and_computed_values,
            pages_of_values_are_what_one_query_gives,
            a_page_of_views_has_their_lists,
            streams_go_by_related_values,
            cursors_know_what_is_computed,
            groups_have_no_pages,
            pages_tell_nothing_of_hidden_rows;
        hidden_values:
            fields_of_hidden_rows_are_not_selected,
            views_do_without_hidden_rows,
            an_order_tells_nothing_of_hidden_rows,
            conditions_know_nothing_of_hidden_rows,
            hidden_rows_are_no_groups,
            what_requires_a_hidden_row_is_hidden;
        view_lists:
            lists_are_read_by_one_statement_each,
            rows_of_one_owner_have_lists_of_their_own,
            a_tree_is_read_level_by_level,
            items_without_an_end_are_refused,
            owners_of_several_key_columns_have_lists,
            lists_show_what_filters_show,
            groups_have_no_lists;
        projections:
            columns_are_read_into_tuples,
            fields_of_related_entities_are_selected,
            values_are_computed,
            fields_are_compared_with_fields,
            rows_are_aggregated,
            equal_rows_are_read_once,
            nulls_stand_where_they_are_put,
            an_ungrouped_column_is_refused,
            existence_is_asked,
            nan_is_refused,
            an_update_computes_of_the_row;
        freed_values:
            a_soft_delete_frees_its_value_in_the_same_flush,
            a_soft_delete_by_reference_frees_its_value,
            several_rows_may_seem_to_hold_a_value,
            an_exchange_under_a_condition_is_left_to_the_database,
            a_removal_by_reference_frees_its_values,
            a_removal_by_reference_that_frees_nothing_stays_last,
            what_leaves_a_removed_reference_leaves_before_it_goes,
            a_child_by_reference_goes_before_an_early_owner,
            references_in_the_middle_of_a_tree_go_in_order,
            rows_that_the_database_cascades_free_their_values,
            a_cascaded_row_whose_owner_has_to_wait_is_emptied;
        never_saved:
            a_new_reference_to_what_was_never_saved_is_refused,
            a_row_pointed_to_what_was_never_saved_is_left_alone,
            collections_let_go_of_what_was_never_saved;
        populate_where:
            a_query_chooses_items,
            links_are_chosen,
            each_level_is_narrowed_by_itself,
            a_part_is_read_only,
            a_part_is_no_whole,
            a_flush_knows_the_whole,
            filters_hold;
        relation_counts:
            a_loop_over_siblings_is_one_statement,
            pending_changes_count,
            pending_links_count_once,
            writes_ask_again,
            filters_hold,
            a_page_with_numbers_takes_six_statements,
            numbers_come_with_every_finder,
            numbers_come_with_a_find_by_id,
            numbers_are_in_responses;
        load_strategy:
            to_one_relations_come_with_their_owners,
            to_many_relations_take_their_own_statement,
            a_self_relation_is_joined_three_levels_deep,
            every_kind_of_key_is_joined,
            edits_stay,
            filters_hold_for_joined_targets,
            a_joined_key_may_lead_nowhere,
            eager_and_lazy_relations_work_as_ever,
            a_locking_query_joins_nothing,
            the_statement_shows_its_joins,
            both_strategies_give_the_same,
            a_joined_query_goes_where_others_go;
        raw_streams:
            rows_come_one_by_one,
            a_stream_may_be_left_early,
            a_transaction_goes_on_after_its_stream,
            a_query_in_the_loop_is_an_error_and_no_hang,
            a_stream_does_not_outlive_its_transaction,
            a_stream_of_a_write_is_kept_whole_or_not_at_all,
            a_stream_may_be_dropped_while_it_waits,
            a_raw_stream_ends_after_an_error,
            a_raw_stream_works_in_another_task;
        bad_input:
            bad_input_leaves_the_connection_clean,
            bad_input_leaves_its_transaction_clean;
        hostile_text:
            flushed_texts_come_back,
            texts_written_without_the_unit_of_work_come_back,
            computed_texts_are_written,
            keys_are_any_text,
            a_taken_text_is_a_violation,
            nul_comes_back_or_is_refused;
        hostile_conditions:
            conditions_mean_the_text,
            projections_take_any_text,
            literal_matches_agree_with_rust,
            patterns_are_never_syntax,
            cursors_carry_any_text,
            raw_sql_binds_any_text,
            filters_take_any_text;
        hostile_names:
            names_are_any_text,
            names_that_are_looked_up_are_refused;
        raw_sql:
            rows_are_read_into_tuples,
            a_write_says_how_many_rows,
            values_are_never_text,
            pending_changes_are_flushed_before,
            text_without_sense_is_refused,
            errors_of_the_database_are_said,
            rows_that_do_not_fit_are_refused,
            a_lost_write_is_said,
            a_statement_may_be_dropped,
            rows_are_read_into_structs,
            rows_become_entities,
            written_rows_become_entities,
            variables_are_bound,
            fragments_are_conditions,
            fragments_are_expressions,
            fragments_without_sense_are_refused;
        cascades:
            an_owner_takes_its_items_along,
            items_that_are_not_loaded_are_loaded_first,
            what_the_database_cascades_is_left_to_it,
            a_reference_takes_its_items_along,
            a_row_that_is_gone_already_is_no_error,
            a_removal_that_is_taken_back_takes_nothing_along,
            a_failed_flush_takes_nothing_along,
            a_rollback_takes_a_cascade_back,
            changes_of_what_goes_along_are_not_written,
            a_new_owner_takes_its_new_items_along,
            without_a_declaration_nothing_goes_along,
            an_item_that_is_taken_out_goes,
            an_item_that_is_put_back_stays,
            a_removal_that_was_asked_for_stays,
            an_item_that_finds_another_owner_stays,
            setting_a_collection_removes_what_it_drops,
            a_replaced_item_goes_before_the_new_one_comes,
            a_reference_that_is_pointed_elsewhere_removes_its_target,
            taking_out_a_required_item_lists_the_cures,
            pointing_to_what_goes_is_refused;
        flush_cost:
            a_plan_looks_at_what_changed_alone,
            what_was_settled_is_looked_at_no_more,
            an_empty_flush_looks_at_nothing,
            what_refers_to_a_deleted_row_is_known,
            removals_look_at_their_own_links_alone;
        hooks:
            a_hook_before_an_insert_changes_what_is_inserted,
            a_hook_before_an_update_changes_what_is_updated,
            hooks_run_around_the_write,
            a_hook_knows_what_changed,
            a_hook_after_the_insert_sees_the_keys,
            a_failing_hook_changes_nothing,
            a_failed_write_takes_the_changes_of_hooks_back,
            an_edit_meanwhile_is_merged_with_the_changes_of_hooks,
            a_hook_may_persist_and_edit_others,
            a_failed_flush_takes_back_what_hooks_did_to_others,
            a_failed_flush_takes_back_links_and_removals_of_new_entities,
            a_query_after_the_write_is_refused,
            a_flush_inside_a_hook_is_refused,
            a_hook_may_flush_another_context,
            endless_hooks_are_refused,
            a_hook_may_set_a_relation,
            a_hook_may_leave_nothing_to_write,
            hooks_do_not_split_a_batch,
            rows_are_shown_to_the_hooks_when_they_are_loaded,
            a_refused_row_leaves_the_identity_map_untouched,
            a_removal_by_key_alone_runs_no_hook,
            a_flush_plan_runs_no_hook;
        hooks_taken_back:
            giving_up_what_a_hook_persisted_removes_nothing,
            a_removal_for_good_that_a_hook_took_back_is_for_good_again,
            a_hook_makes_a_removal_one_for_good_for_its_flush_alone,
            a_rollback_takes_back_what_hooks_did,
            the_rollback_of_a_savepoint_takes_back_what_hooks_did,
            a_rollback_takes_back_what_was_done_after_the_flush,
            a_commit_keeps_what_hooks_did;
        made_values:
            values_of_a_new_row_are_made,
            given_values_of_a_new_row_are_kept,
            values_of_a_changed_row_are_made,
            nothing_is_made_without_a_change,
            given_values_of_a_changed_row_are_kept,
            made_values_of_a_failed_flush_are_taken_back,
            a_flush_has_one_time,
            a_maker_may_fail;
        subscribers:
            a_subscriber_hears_of_everything_in_order,
            an_empty_flush_is_heard_of,
            hooks_run_before_subscribers_and_these_in_order,
            entity_events_are_filtered_by_type,
            a_subscriber_of_a_fork_hears_of_that_fork_alone,
            a_subscriber_changes_what_is_written,
            on_flush_sees_the_changes_and_adds_entities,
            on_flush_may_change_edit_and_remove,
            before_flush_adds_to_the_flush,
            a_failing_subscriber_changes_nothing,
            a_rollback_is_heard_of,
            a_transaction_is_heard_of_once,
            a_failing_subscriber_rolls_the_transaction_back,
            a_failure_after_the_commit_does_not_undo_it,
            a_flush_inside_a_subscriber_is_refused,
            a_flush_of_another_task_waits,
            a_query_inside_a_subscriber_keeps_pending_changes,
            a_flush_dropped_inside_a_subscriber_changes_nothing;
        rolled_back:
            a_reference_to_a_row_that_is_rolled_back_leads_to_its_entity,
            an_edit_brought_back_by_a_savepoint_is_written_once;
        diagnose:
            all_bad_rows_of_all_steps_are_named,
            rows_that_can_not_be_sent_are_named_too,
            the_second_of_two_rows_that_want_one_value_is_named,
            what_needs_a_refused_row_is_not_named,
            rows_that_refer_to_each_other_are_deleted_together,
            every_stale_row_is_named_alone,
            rows_that_a_filter_refuses_are_named,
            a_refused_link_names_both_ends,
            a_value_that_is_too_long_is_named,
            it_halves_the_batch_and_sends_little,
            inside_a_transaction_it_takes_back_what_it_did,
            after_a_transaction_that_failed_it_finds_the_rows,
            a_diagnosis_is_a_failed_flush_to_hooks_and_subscribers,
            nothing_refused_any_more_is_said,
            an_error_that_is_not_about_rows_sends_nothing,
            a_lost_connection_is_no_diagnosis,
            a_database_without_savepoints_is_refused,
            a_read_only_transaction_is_refused,
            a_diagnosis_waits_for_its_turn,
            a_diagnosis_in_a_hook_is_refused,
            a_diagnosis_may_be_dropped_at_any_await,
            a_diagnosis_in_a_transaction_may_be_dropped_at_any_await;
        violations_by_position:
            a_row_refused_at_any_position_of_an_insert_takes_all_back,
            a_row_refused_at_any_position_of_an_update_takes_all_back,
            a_row_refused_at_any_position_of_a_delete_takes_all_back;
        violations:
            a_unique_field_is_named,
            a_taken_key_is_named,
            several_fields_are_named,
            a_foreign_key_is_named,
            a_broken_link_is_named,
            a_null_is_named,
            a_length_is_named,
            a_violation_is_shown_in_one_line,
            other_errors_are_no_violation;
        bulk_writes:
            an_inserted_row_is_not_managed,
            the_keys_of_inserted_rows_come_in_order,
            many_rows_are_inserted_in_batches,
            inserting_nothing_sends_nothing,
            every_kind_of_key_comes_back,
            relations_are_inserted_by_key,
            inserting_a_graph_is_refused,
            a_refused_row_takes_all_with_it,
            a_dropped_insert_leaves_nothing,
            the_first_version_is_one,
            inserting_needs_no_context,
            rows_are_changed_by_condition,
            fields_and_relations_are_set,
            loaded_instances_do_not_see_it,
            every_row_must_be_asked_for,
            an_update_of_nothing_sends_nothing,
            an_impossible_update_is_refused,
            rows_are_deleted_by_condition,
            pending_changes_are_flushed_first,
            filters_narrow_writes_by_condition,
            a_guarding_filter_holds_for_rows_without_the_unit_of_work,
            rows_written_in_a_transaction_go_with_it;
        bulk_values:
            values_of_inserted_rows_are_made,
            a_maker_of_inserted_rows_may_fail,
            values_of_upserted_rows_are_made,
            values_of_rows_by_condition_are_made,
            no_hook_runs_without_the_unit_of_work,
            a_write_by_condition_makes_instances_stale,
            an_upsert_makes_instances_stale,
            rows_are_softly_deleted_by_condition,
            rows_are_deleted_for_good_by_condition;
        outdated_statements:
            a_changed_table_is_read_and_written_on,
            a_transaction_with_an_outdated_statement_is_run_again,
            a_table_that_is_made_anew_is_read_on;
        bulk_outcome:
            a_lost_commit_of_rows_is_said,
            a_lost_statement_is_said,
            later_writes_do_not_wait_for_it,
            a_statement_lost_in_a_transaction_is_rolled_back,
            an_unknown_flush_comes_first;
        upserts:
            a_new_row_is_inserted_and_managed,
            a_loaded_row_is_updated,
            the_only_unique_index_tells_the_row,
            a_unique_reference_tells_the_row,
            a_composite_key_tells_the_row,
            the_target_of_the_conflict_can_be_named,
            a_target_that_is_no_key_is_refused,
            a_row_that_is_there_can_be_kept,
            chosen_fields_are_merged,
            unsaved_edits_are_kept,
            collections_follow_an_upsert,
            many_rows_are_upserted_in_batches,
            rows_without_anything_to_merge_are_read,
            an_upsert_can_keep_out_of_the_identity_map,
            duplicate_keys_are_refused_and_named,
            the_version_counts_on,
            an_upsert_takes_a_removal_back,
            the_key_of_a_new_entity_is_refused,
            a_failed_upsert_changes_nothing,
            an_upsert_of_nothing_sends_nothing,
            a_hidden_row_is_refused,
            a_guarding_filter_holds_for_upserts,
            a_rollback_takes_an_upsert_back;
        streams:
            every_row_comes_once_and_is_not_managed,
            a_full_last_chunk_is_followed_by_an_empty_one,
            a_chunk_is_asked_for_when_it_is_wanted,
            a_stream_dropped_while_it_loads_leaves_nothing,
            nothing_is_held_between_chunks,
            each_chunk_is_populated,
            a_chunk_goes_with_its_handles,
            a_stream_is_in_the_order_of_the_query,
            limit_and_offset_are_of_the_whole_stream,
            a_composite_key_is_gone_through,
            a_reference_in_the_key_is_gone_through,
            an_order_by_an_aggregate_is_refused,
            a_stream_ends_after_an_error,
            a_managed_stream_brings_instances_of_the_context,
            pending_changes_do_not_shift_a_managed_stream,
            only_a_managed_stream_is_guarded,
            a_stream_works_in_another_task,
            a_stream_sees_what_its_transaction_wrote;
        detach:
            the_edits_of_a_detached_entity_are_not_written,
            a_query_after_it_brings_a_new_instance,
            a_detached_entity_can_be_merged_back,
            a_detached_removal_deletes_nothing,
            link_changes_go_with_the_entity,
            a_poisoned_row_does_not_stop_a_batch,
            an_invalid_entity_does_not_stop_a_batch,
            a_new_entity_that_others_need_can_not_leave,
            a_loaded_collection_shows_it_no_more,
            a_reference_to_it_can_be_loaded_again,
            a_detached_newcomer_gives_its_key_back,
            an_entity_detached_while_it_is_inserted_is_not_deleted,
            an_entity_of_another_context_can_not_be_detached,
            a_rollback_leaves_it_detached;
    }
}

/// What needs a pool of one: whoever comes next gets what the one before left.
fn on_one_connection() -> &'static [Behaviour] {
    &behaviours! { GivenAlone, "alone::", 1;
        cancel_sweep:
            inserts_may_be_cut_off_at_any_await,
            updates_may_be_cut_off_at_any_await,
            deletes_may_be_cut_off_at_any_await,
            links_and_mixtures_may_be_cut_off_at_any_await,
            flushes_in_a_transaction_may_be_cut_off_at_any_await,
            flushes_in_a_savepoint_may_be_cut_off_at_any_await,
            there_are_twenty_shapes;
        plain_begin: a_dropped_begin_leaves_a_transaction_open_without_a_guard;
        bad_input:
            bad_input_leaves_the_connection_clean,
            bad_input_leaves_its_transaction_clean;
        migrations:
            what_is_pending_is_applied_in_order,
            a_run_may_be_cut_off_at_any_await;
        test_transactions:
            nothing_of_a_test_stays,
            a_test_that_panics_leaves_nothing,
            a_test_that_is_cut_off_leaves_nothing,
            every_context_of_a_test_is_in_it,
            what_leaves_a_test_writes_nothing,
            tests_at_the_same_time_keep_apart;
        diagnose:
            a_diagnosis_may_be_dropped_at_any_await,
            a_diagnosis_in_a_transaction_may_be_dropped_at_any_await;
    }
}

/// What is about contexts that really run side by side.
fn on_many_threads() -> &'static [Behaviour] {
    &behaviours! { GivenShared, "", 4;
        versions: tasks_that_try_again_lose_no_update;
        collisions:
            serializable_transfers_lose_nothing,
            transfers_that_lock_in_any_order_lose_nothing;
        generated_keys:
            every_row_of_a_flush_has_its_key,
            every_inserted_row_has_its_key;
        lock_modes: tasks_that_lock_first_lose_no_update;
        migrations: runners_at_the_same_time_do_each_migration_once;
    }
}

/// What is about the way to a server.
fn on_a_server() -> &'static [Behaviour] {
    &behaviours! { Given, "", 1;
        cut_connections:
            a_flush_may_be_cut_at_any_byte,
            a_transaction_may_be_cut_at_any_byte,
            a_bulk_write_may_be_cut_at_any_byte,
            a_read_may_be_cut_at_any_byte,
            a_way_may_stall_at_any_byte,
            connecting_may_be_cut_at_any_byte;
        killed_connections:
            connections_that_died_idle_fail_nobody,
            a_single_write_after_a_rest_is_not_in_doubt,
            a_statement_that_is_killed_says_so,
            a_flush_that_is_killed_changes_nothing,
            a_transaction_that_is_killed_between_statements_is_rolled_back,
            a_server_that_is_gone_is_said_at_once,
            a_pool_waits_for_what_is_lent_before_it_is_closed;
        row_locks:
            no_wait_says_that_a_row_is_taken,
            skip_locked_leaves_out_what_is_taken,
            who_waits_for_a_row_sees_what_the_other_wrote,
            readers_share_a_lock,
            an_upsert_gives_back_what_came_meanwhile,
            a_transaction_of_its_own_outlives_the_outer_one,
            a_transaction_of_its_own_needs_a_second_connection;
    }
}
