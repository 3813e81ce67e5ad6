

check_PROGRAMS += %D%/domain_definition_test
%C%_domain_definition_test_SOURCES = %D%/domain_definition_test.c
%C%_domain_definition_test_CFLAGS = $(AM_CFLAGS) $(XML_CFLAGS) $(CHECK_CFLAGS)
%C%_domain_definition_test_LDADD = clusterd/libcluio.a clusterd/libclubase.a $(XML_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/codec_test
%C%_codec_test_SOURCES = %D%/codec_test.c tests/fuzz/sample.c tests/fuzz/sample.h \
	tests/fuzz/sample_message.c tests/fuzz/sample_parts.h
%C%_codec_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
%C%_codec_test_LDADD   = clusterd/libcluprotocol.a clusterd/libclubase.a $(PURE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/codec_refusal_test
%C%_codec_refusal_test_SOURCES = %D%/codec_refusal_test.c tests/fuzz/sample.c tests/fuzz/sample.h \
	tests/fuzz/sample_message.c tests/fuzz/sample_parts.h
%C%_codec_refusal_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
%C%_codec_refusal_test_LDADD   = clusterd/libcluprotocol.a clusterd/libclubase.a $(PURE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/protocol_names_test
%C%_protocol_names_test_SOURCES = %D%/protocol_names_test.c
%C%_protocol_names_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_protocol_names_test_LDADD   = clusterd/libcluprotocol.a clusterd/libclubase.a $(PURE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/ipc_test
%C%_ipc_test_SOURCES = %D%/ipc_test.c cli/ipc_client.c cli/ipc_client.h
%C%_ipc_test_CFLAGS  = $(AM_CFLAGS) $(QB_CFLAGS) $(CHECK_CFLAGS)
%C%_ipc_test_LDADD   = clusterd/libcluio.a clusterd/libclubase.a $(QB_LIBS) $(CHECK_LIBS) -lpthread

check_PROGRAMS += %D%/guard_test
%C%_guard_test_SOURCES = %D%/guard_test.c clusterd/guard/guard_rule.c clusterd/guard/watchdog_linux.c
%C%_guard_test_CFLAGS  = $(AM_CFLAGS) $(QB_CFLAGS) $(CHECK_CFLAGS)
%C%_guard_test_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioctl
%C%_guard_test_LDADD   = clusterd/libcluio.a clusterd/libclubase.a $(QB_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/mailbox_test
%C%_mailbox_test_SOURCES = %D%/mailbox_test.c
%C%_mailbox_test_CFLAGS  = $(AM_CFLAGS) $(QB_CFLAGS) $(CHECK_CFLAGS)
%C%_mailbox_test_LDADD   = clusterd/libcluio.a $(QB_LIBS) $(CHECK_LIBS)

STORE_TEST_CFLAGS = $(AM_CFLAGS) $(QB_CFLAGS) $(SQLITE_CFLAGS) $(CHECK_CFLAGS)
STORE_TEST_LIBS   = clusterd/libcluio.a clusterd/libcluprotocol.a clusterd/libclubase.a \
	$(QB_LIBS) $(SQLITE_LIBS) $(PURE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/store_test
%C%_store_test_SOURCES = %D%/store_test.c %D%/store_fixture.c %D%/store_fixture.h
%C%_store_test_CFLAGS  = $(STORE_TEST_CFLAGS)
%C%_store_test_LDADD   = $(STORE_TEST_LIBS)

check_PROGRAMS += %D%/store_catch_up_test
%C%_store_catch_up_test_SOURCES = %D%/store_catch_up_test.c %D%/store_fixture.c %D%/store_fixture.h
%C%_store_catch_up_test_CFLAGS  = $(STORE_TEST_CFLAGS)
%C%_store_catch_up_test_LDADD   = $(STORE_TEST_LIBS)

check_PROGRAMS += %D%/store_fault_test
%C%_store_fault_test_SOURCES = %D%/store_fault_test.c %D%/store_fixture.c %D%/store_fixture.h \
	%D%/fault_vfs.c %D%/fault_vfs.h
%C%_store_fault_test_CFLAGS  = $(STORE_TEST_CFLAGS)
%C%_store_fault_test_LDADD   = $(STORE_TEST_LIBS)

check_PROGRAMS += %D%/store_verify_test
%C%_store_verify_test_SOURCES = %D%/store_verify_test.c %D%/store_fixture.c %D%/store_fixture.h
%C%_store_verify_test_CFLAGS  = $(STORE_TEST_CFLAGS)
%C%_store_verify_test_LDADD   = $(STORE_TEST_LIBS)

check_PROGRAMS += %D%/verb_test
%C%_verb_test_SOURCES = %D%/verb_test.c
%C%_verb_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_verb_test_LDADD   = clusterd/libcluprotocol.a clusterd/libclubase.a $(PURE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/request_test
%C%_request_test_SOURCES = %D%/request_test.c %D%/request_fixture.c %D%/request_fixture.h
%C%_request_test_CFLAGS  = $(AM_CFLAGS) $(QB_CFLAGS) $(JANSSON_CFLAGS) $(CHECK_CFLAGS)
%C%_request_test_LDADD   = clusterd/libcluio.a $(CLU_CORE) $(XML_LIBS) $(PURE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/request_quorum_test
%C%_request_quorum_test_SOURCES = %D%/request_quorum_test.c %D%/request_fixture.c %D%/request_fixture.h
%C%_request_quorum_test_CFLAGS  = $(AM_CFLAGS) $(QB_CFLAGS) $(JANSSON_CFLAGS) $(CHECK_CFLAGS)
%C%_request_quorum_test_LDADD   = clusterd/libcluio.a $(CLU_CORE) $(XML_LIBS) $(PURE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/request_fence_test
%C%_request_fence_test_SOURCES = %D%/request_fence_test.c %D%/request_fixture.c %D%/request_fixture.h
%C%_request_fence_test_CFLAGS  = $(AM_CFLAGS) $(QB_CFLAGS) $(JANSSON_CFLAGS) $(CHECK_CFLAGS)
%C%_request_fence_test_LDADD   = clusterd/libcluio.a $(CLU_CORE) $(XML_LIBS) $(PURE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/request_volume_test
%C%_request_volume_test_SOURCES = %D%/request_volume_test.c %D%/request_fixture.c %D%/request_fixture.h
%C%_request_volume_test_CFLAGS  = $(AM_CFLAGS) $(QB_CFLAGS) $(JANSSON_CFLAGS) $(CHECK_CFLAGS)
%C%_request_volume_test_LDADD   = clusterd/libcluio.a $(CLU_CORE) $(XML_LIBS) $(PURE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/request_copy_test
%C%_request_copy_test_SOURCES = %D%/request_copy_test.c %D%/request_fixture.c %D%/request_fixture.h
%C%_request_copy_test_CFLAGS  = $(AM_CFLAGS) $(QB_CFLAGS) $(JANSSON_CFLAGS) $(CHECK_CFLAGS)
%C%_request_copy_test_LDADD   = clusterd/libcluio.a $(CLU_CORE) $(XML_LIBS) $(PURE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/entry_text_test
%C%_entry_text_test_SOURCES = %D%/entry_text_test.c
%C%_entry_text_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_entry_text_test_LDADD   = clusterd/libcluio.a $(CLU_CORE) $(PURE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/cli_test
%C%_cli_test_SOURCES = %D%/cli_test.c %D%/cli_fixture.c %D%/cli_fixture.h
%C%_cli_test_CFLAGS  = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CHECK_CFLAGS)
%C%_cli_test_LDADD   = $(CLU_CLI) $(CLU_CLI_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/what_if_test
%C%_what_if_test_SOURCES = %D%/what_if_test.c %D%/cli_fixture.c %D%/cli_fixture.h
%C%_what_if_test_CFLAGS  = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CHECK_CFLAGS)
%C%_what_if_test_LDADD   = $(CLU_CLI) $(CLU_CLI_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/settle_test
%C%_settle_test_SOURCES = %D%/settle_test.c %D%/cli_fixture.h
%C%_settle_test_CFLAGS  = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CHECK_CFLAGS)
%C%_settle_test_LDADD   = $(CLU_CLI) $(CLU_CLI_LIBS) $(CHECK_LIBS)

# Child processes, agents and the quorum rule.
check_PROGRAMS += \
	%D%/quorum_rule_test \
	%D%/outlook_test \
	%D%/voter_set_test \
	%D%/witness_tag_test \
	%D%/qnetd_claim_test \
	%D%/qnetd_world_test \
	%D%/process_runner_test \
	%D%/fence_agent_test \
	%D%/ocf_definition_test \
	%D%/ocf_role_test \
	%D%/ocf_watch_test

%C%_quorum_rule_test_SOURCES = %D%/quorum_rule_test.c
%C%_quorum_rule_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_quorum_rule_test_LDADD   = quorum/libcluquorum.a $(CHECK_LIBS)

%C%_outlook_test_SOURCES = %D%/outlook_test.c
%C%_outlook_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_outlook_test_LDADD   = quorum/libcluquorum.a $(CHECK_LIBS)

%C%_voter_set_test_SOURCES = %D%/voter_set_test.c
%C%_voter_set_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_voter_set_test_LDADD   = quorum/libcluquorum.a $(CHECK_LIBS)

%C%_witness_tag_test_SOURCES = %D%/witness_tag_test.c
%C%_witness_tag_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_witness_tag_test_LDADD   = quorum/libcluquorum.a $(CHECK_LIBS)

%C%_qnetd_claim_test_SOURCES = %D%/qnetd_claim_test.c
%C%_qnetd_claim_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_qnetd_claim_test_LDADD   = quorum/libcluquorum.a $(CHECK_LIBS)

%C%_qnetd_world_test_SOURCES = %D%/qnetd_world_test.c
%C%_qnetd_world_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_qnetd_world_test_LDADD   = quorum/libcluquorum.a $(CHECK_LIBS)

%C%_process_runner_test_SOURCES = %D%/process_runner_test.c \
	clusterd/io/process_runner.c clusterd/io/process_start.c
%C%_process_runner_test_CFLAGS  = $(AM_CFLAGS) $(QB_CFLAGS) $(CHECK_CFLAGS)
%C%_process_runner_test_LDADD   = $(CHECK_LIBS) $(QB_LIBS)

%C%_fence_agent_test_SOURCES = %D%/fence_agent_test.c \
	clusterd/io/process_runner.c clusterd/io/process_start.c
%C%_fence_agent_test_CFLAGS  = $(AM_CFLAGS) $(QB_CFLAGS) $(CHECK_CFLAGS)
%C%_fence_agent_test_LDADD   = resource-agents/libcluagents.a clusterd/libclubase.a \
	$(CHECK_LIBS) $(QB_LIBS) $(XML_LIBS)

OCF_TEST_SOURCES = %D%/ocf_fixture.c %D%/ocf_fixture.h \
	clusterd/io/process_runner.c clusterd/io/process_start.c
OCF_TEST_CFLAGS  = $(AM_CFLAGS) $(QB_CFLAGS) $(CHECK_CFLAGS)
OCF_TEST_LIBS    = resource-agents/libcluagents.a clusterd/libclubase.a \
	$(CHECK_LIBS) $(QB_LIBS) $(JANSSON_LIBS) $(XML_LIBS)

%C%_ocf_definition_test_SOURCES = %D%/ocf_definition_test.c $(OCF_TEST_SOURCES)
%C%_ocf_definition_test_CFLAGS  = $(OCF_TEST_CFLAGS)
%C%_ocf_definition_test_LDADD   = $(OCF_TEST_LIBS)

%C%_ocf_role_test_SOURCES = %D%/ocf_role_test.c $(OCF_TEST_SOURCES)
%C%_ocf_role_test_CFLAGS  = $(OCF_TEST_CFLAGS)
%C%_ocf_role_test_LDADD   = $(OCF_TEST_LIBS)

%C%_ocf_watch_test_SOURCES = %D%/ocf_watch_test.c $(OCF_TEST_SOURCES)
%C%_ocf_watch_test_CFLAGS  = $(OCF_TEST_CFLAGS)
%C%_ocf_watch_test_LDADD   = $(OCF_TEST_LIBS)

# The pure core.
CORE_TEST_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
CORE_TEST_LIBS   = $(CLU_CORE) $(PURE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/role_state_test
%C%_role_state_test_SOURCES = %D%/role_state_test.c %D%/core_fixture.c %D%/core_fixture.h
%C%_role_state_test_CFLAGS  = $(CORE_TEST_CFLAGS)
%C%_role_state_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/model_test
%C%_model_test_SOURCES = %D%/model_test.c %D%/core_fixture.c %D%/core_fixture.h
%C%_model_test_CFLAGS  = $(CORE_TEST_CFLAGS)
%C%_model_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/placement_test
%C%_placement_test_SOURCES = %D%/placement_test.c %D%/core_fixture.c %D%/core_fixture.h
%C%_placement_test_CFLAGS  = $(CORE_TEST_CFLAGS)
%C%_placement_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/apply_test
%C%_apply_test_SOURCES = %D%/apply_test.c %D%/core_fixture.c %D%/core_fixture.h
%C%_apply_test_CFLAGS  = $(CORE_TEST_CFLAGS)
%C%_apply_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/evict_test
%C%_evict_test_SOURCES = %D%/evict_test.c %D%/core_fixture.c %D%/core_fixture.h
%C%_evict_test_CFLAGS  = $(CORE_TEST_CFLAGS)
%C%_evict_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/force_test
%C%_force_test_SOURCES = %D%/force_test.c %D%/core_fixture.c %D%/core_fixture.h
%C%_force_test_CFLAGS  = $(CORE_TEST_CFLAGS)
%C%_force_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/apply_evidence_test
%C%_apply_evidence_test_SOURCES = %D%/apply_evidence_test.c %D%/core_fixture.c %D%/core_fixture.h
%C%_apply_evidence_test_CFLAGS  = $(CORE_TEST_CFLAGS)
%C%_apply_evidence_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/explain_test
%C%_explain_test_SOURCES = %D%/explain_test.c %D%/core_fixture.c %D%/core_fixture.h
%C%_explain_test_CFLAGS  = $(CORE_TEST_CFLAGS)
%C%_explain_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/apply_report_test
%C%_apply_report_test_SOURCES = %D%/apply_report_test.c %D%/core_fixture.c %D%/core_fixture.h
%C%_apply_report_test_CFLAGS  = $(CORE_TEST_CFLAGS)
%C%_apply_report_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/ledger_test
%C%_ledger_test_SOURCES = %D%/ledger_test.c
%C%_ledger_test_CFLAGS  = $(CORE_TEST_CFLAGS)
%C%_ledger_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/round_rule_test
%C%_round_rule_test_SOURCES = %D%/round_rule_test.c
%C%_round_rule_test_CFLAGS  = $(CORE_TEST_CFLAGS)
%C%_round_rule_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/reconcile_test
%C%_reconcile_test_SOURCES = %D%/reconcile_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_reconcile_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_reconcile_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/quorum_view_test
%C%_quorum_view_test_SOURCES = %D%/quorum_view_test.c
%C%_quorum_view_test_CFLAGS  = $(CORE_TEST_CFLAGS)
%C%_quorum_view_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/electorate_test
%C%_electorate_test_SOURCES = %D%/electorate_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_electorate_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_electorate_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/witness_core_test
%C%_witness_core_test_SOURCES = %D%/witness_core_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_witness_core_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_witness_core_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/guard_core_test
%C%_guard_core_test_SOURCES = %D%/guard_core_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_guard_core_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_guard_core_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/pending_test
%C%_pending_test_SOURCES = %D%/pending_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_pending_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_pending_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/pause_test
%C%_pause_test_SOURCES = %D%/pause_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_pause_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_pause_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/quarantine_test
%C%_quarantine_test_SOURCES = %D%/quarantine_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_quarantine_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_quarantine_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/fencing_test
%C%_fencing_test_SOURCES = %D%/fencing_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_fencing_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_fencing_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/copy_test
%C%_copy_test_SOURCES = %D%/copy_test.c %D%/core_fixture.c %D%/core_fixture.h
%C%_copy_test_CFLAGS  = $(CORE_TEST_CFLAGS)
%C%_copy_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/volume_test
%C%_volume_test_SOURCES = %D%/volume_test.c %D%/core_fixture.c %D%/core_fixture.h
%C%_volume_test_CFLAGS  = $(CORE_TEST_CFLAGS)
%C%_volume_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/confirm_test
%C%_confirm_test_SOURCES = %D%/confirm_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_confirm_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_confirm_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/preempt_test
%C%_preempt_test_SOURCES = %D%/preempt_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_preempt_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_preempt_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/join_test
%C%_join_test_SOURCES = %D%/join_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_join_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_join_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/redirect_test
%C%_redirect_test_SOURCES = %D%/redirect_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_redirect_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_redirect_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/core_lease_test
%C%_core_lease_test_SOURCES = %D%/core_lease_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_core_lease_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_core_lease_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/path_test
%C%_path_test_SOURCES = %D%/path_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_path_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_path_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/fence_test_test
%C%_fence_test_test_SOURCES = %D%/fence_test_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_fence_test_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_fence_test_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/laggard_test
%C%_laggard_test_SOURCES = %D%/laggard_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_laggard_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_laggard_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/planner_test
%C%_planner_test_SOURCES = %D%/planner_test.c %D%/core_fixture.c %D%/core_fixture.h
%C%_planner_test_CFLAGS  = $(CORE_TEST_CFLAGS)
%C%_planner_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/plan_test
%C%_plan_test_SOURCES = %D%/plan_test.c %D%/core_desk.c %D%/core_desk_world.c %D%/core_desk.h
%C%_plan_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
%C%_plan_test_LDADD   = $(CORE_TEST_LIBS)

# The rules of leases.
LEASE_TEST_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
LEASE_TEST_LIBS   = csv-storage/libclustorage.a clusterd/libclubase.a $(CHECK_LIBS)

check_PROGRAMS += %D%/lease_record_test
%C%_lease_record_test_SOURCES = %D%/lease_record_test.c
%C%_lease_record_test_CFLAGS  = $(LEASE_TEST_CFLAGS)
%C%_lease_record_test_LDADD   = $(LEASE_TEST_LIBS)

check_PROGRAMS += %D%/lease_node_test
%C%_lease_node_test_SOURCES = %D%/lease_node_test.c
%C%_lease_node_test_CFLAGS  = $(LEASE_TEST_CFLAGS)
%C%_lease_node_test_LDADD   = $(LEASE_TEST_LIBS)

check_PROGRAMS += %D%/lease_observer_test
%C%_lease_observer_test_SOURCES = %D%/lease_observer_test.c
%C%_lease_observer_test_CFLAGS  = $(LEASE_TEST_CFLAGS)
%C%_lease_observer_test_LDADD   = $(LEASE_TEST_LIBS)

check_PROGRAMS += %D%/lease_world_test
%C%_lease_world_test_SOURCES = %D%/lease_world_test.c \
	%D%/lease_world.c %D%/lease_world.h %D%/lease_world_host.c %D%/lease_world_parts.h \
	simulation/random.c simulation/random.h
%C%_lease_world_test_CFLAGS  = $(LEASE_TEST_CFLAGS)
%C%_lease_world_test_LDADD   = $(LEASE_TEST_LIBS)
EXTRA_DIST += %D%/suite_run.h %D%/lease_mutations.sh %D%/lease_mutations.txt

# make lease-mutations [SEEDS=N]: is each rule of leases missed when it is gone?
.PHONY: lease-mutations
lease-mutations:
	$(top_srcdir)/%D%/lease_mutations.sh

# On a real file; what it reads and writes can be made to fail, to be lost and to hang.
check_PROGRAMS += %D%/witness_record_test
%C%_witness_record_test_SOURCES = %D%/witness_record_test.c
%C%_witness_record_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_witness_record_test_LDADD   = quorum/libcluquorum.a clusterd/libclubase.a $(CHECK_LIBS)

check_PROGRAMS += %D%/qdevice_status_test
%C%_qdevice_status_test_SOURCES = %D%/qdevice_status_test.c
%C%_qdevice_status_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_qdevice_status_test_LDADD   = clusterd/libcluio.a clusterd/libclubase.a $(CHECK_LIBS) -lpthread

check_PROGRAMS += %D%/witness_share_test
%C%_witness_share_test_SOURCES = %D%/witness_share_test.c
%C%_witness_share_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS) $(QB_CFLAGS)
%C%_witness_share_test_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pread -Wl,--wrap=pwrite -Wl,--wrap=fsync -Wl,--wrap=stat
%C%_witness_share_test_LDADD   = clusterd/libcluio.a quorum/libcluquorum.a clusterd/libclubase.a $(CHECK_LIBS) $(QB_LIBS) -lpthread

check_PROGRAMS += %D%/witness_port_test
%C%_witness_port_test_SOURCES = %D%/witness_port_test.c
%C%_witness_port_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS) $(QB_CFLAGS)
%C%_witness_port_test_LDADD   = clusterd/libcluio.a clusterd/libcluprotocol.a quorum/libcluquorum.a clusterd/libclubase.a $(PURE_LIBS) $(CHECK_LIBS) $(QB_LIBS) -lpthread

check_PROGRAMS += %D%/fence_presence_test
%C%_fence_presence_test_SOURCES = %D%/fence_presence_test.c
%C%_fence_presence_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS) $(QB_CFLAGS)
%C%_fence_presence_test_LDADD   = clusterd/libcluio.a $(CLU_CORE) $(PURE_LIBS) $(CHECK_LIBS) $(QB_LIBS) -lpthread

check_PROGRAMS += %D%/copy_claim_test
%C%_copy_claim_test_SOURCES = %D%/copy_claim_test.c
%C%_copy_claim_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_copy_claim_test_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=statvfs
%C%_copy_claim_test_LDADD   = clusterd/libcluio.a clusterd/libclubase.a $(CHECK_LIBS)

# libvirt is the test's.
check_PROGRAMS += %D%/hypervisor_copy_test
%C%_hypervisor_copy_test_SOURCES = %D%/hypervisor_copy_test.c
%C%_hypervisor_copy_test_CFLAGS  = $(AM_CFLAGS) $(LIBVIRT_CFLAGS) $(CHECK_CFLAGS)
%C%_hypervisor_copy_test_LDADD   = clusterd/libcluio.a clusterd/libclubase.a $(XML_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/domain_disk_test
%C%_domain_disk_test_SOURCES = %D%/domain_disk_test.c
%C%_domain_disk_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_domain_disk_test_LDADD = clusterd/libcluio.a clusterd/libclubase.a $(XML_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/lease_file_test
%C%_lease_file_test_SOURCES = %D%/lease_file_test.c
%C%_lease_file_test_CFLAGS  = $(LEASE_TEST_CFLAGS) $(QB_CFLAGS)
%C%_lease_file_test_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=link
%C%_lease_file_test_LDADD   = clusterd/libcluio.a $(LEASE_TEST_LIBS) $(QB_LIBS) -lpthread

check_PROGRAMS += %D%/lease_worker_test
%C%_lease_worker_test_SOURCES = %D%/lease_worker_test.c
%C%_lease_worker_test_CFLAGS  = $(LEASE_TEST_CFLAGS) $(QB_CFLAGS)
%C%_lease_worker_test_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pread -Wl,--wrap=pwrite
%C%_lease_worker_test_LDADD   = clusterd/libcluio.a $(LEASE_TEST_LIBS) $(QB_LIBS) -lpthread

check_PROGRAMS += %D%/target_test
%C%_target_test_SOURCES = %D%/target_test.c %D%/core_fixture.c %D%/core_fixture.h
%C%_target_test_CFLAGS  = $(CORE_TEST_CFLAGS)
%C%_target_test_LDADD   = $(CORE_TEST_LIBS)

check_PROGRAMS += %D%/reservation_test
%C%_reservation_test_SOURCES = %D%/reservation_test.c iscsi-gateway/reservation.c iscsi-gateway/reservation.h
%C%_reservation_test_CFLAGS  = $(AM_CFLAGS) $(ISCSI_CFLAGS) $(CHECK_CFLAGS)
%C%_reservation_test_LDADD   = $(CHECK_LIBS)

check_PROGRAMS += %D%/iscsi_confirm_test
%C%_iscsi_confirm_test_SOURCES = %D%/iscsi_confirm_test.c iscsi-gateway/confirmation.c
%C%_iscsi_confirm_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(QB_CFLAGS)
%C%_iscsi_confirm_test_LDADD   = clusterd/libcluio.a $(CORE_TEST_LIBS) $(QB_LIBS) -lpthread

check_PROGRAMS += %D%/iscsi_gateways_test
%C%_iscsi_gateways_test_SOURCES = %D%/iscsi_gateways_test.c %D%/core_fixture.c %D%/core_fixture.h
%C%_iscsi_gateways_test_CFLAGS  = $(CORE_TEST_CFLAGS) $(QB_CFLAGS)
%C%_iscsi_gateways_test_LDADD   = clusterd/libcluio.a $(CORE_TEST_LIBS) $(QB_LIBS) $(XML_LIBS) -lpthread

check_PROGRAMS += %D%/volume_paths_test
%C%_volume_paths_test_SOURCES = %D%/volume_paths_test.c
%C%_volume_paths_test_CFLAGS  = $(LEASE_TEST_CFLAGS) $(QB_CFLAGS)
%C%_volume_paths_test_LDADD   = clusterd/libcluio.a $(LEASE_TEST_LIBS) $(QB_LIBS) -lpthread

check_PROGRAMS += %D%/disk_exports_test
%C%_disk_exports_test_SOURCES = %D%/disk_exports_test.c
%C%_disk_exports_test_CFLAGS  = $(AM_CFLAGS) $(CHECK_CFLAGS)
%C%_disk_exports_test_LDADD   = clusterd/libcluio.a clusterd/libclubase.a $(XML_LIBS) $(CHECK_LIBS) -lpthread

check_PROGRAMS += %D%/guest_disks_test
%C%_guest_disks_test_SOURCES = %D%/guest_disks_test.c
%C%_guest_disks_test_CFLAGS  = $(AM_CFLAGS) $(LIBVIRT_CFLAGS) $(JANSSON_CFLAGS) $(CHECK_CFLAGS)
%C%_guest_disks_test_LDADD   = clusterd/libcluio.a clusterd/libclubase.a $(XML_LIBS) $(JANSSON_LIBS) $(CHECK_LIBS) -lpthread
