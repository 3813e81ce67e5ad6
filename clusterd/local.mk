# base and core are pure; protocol adds JSON and hashes; io touches the world.
noinst_LIBRARIES += %D%/libclubase.a
%C%_libclubase_a_SOURCES = \
	%D%/base/bytes.c %D%/base/bytes.h \
	%D%/base/limits.h \
	%D%/base/mutation.h \
	%D%/base/node_set.h \
	%D%/base/path.c %D%/base/path.h \
	%D%/base/scope.h \
	%D%/base/text.c %D%/base/text.h

noinst_LIBRARIES += %D%/libcluprotocol.a
%C%_libcluprotocol_a_SOURCES = \
	%D%/protocol/agent_list.c %D%/protocol/agent_list.h \
	%D%/protocol/codec.h \
	%D%/protocol/codec_json.h %D%/protocol/codec_parts.h \
	%D%/protocol/codec_json_read.c %D%/protocol/codec_json_write.c \
	%D%/protocol/enum_text.h \
	%D%/protocol/codec_command.c \
	%D%/protocol/codec_message.c \
	%D%/protocol/codec_object.c \
	%D%/protocol/command.c %D%/protocol/command.h \
	%D%/protocol/ipc_frame.h \
	%D%/protocol/message.c %D%/protocol/message.h \
	%D%/protocol/object.c %D%/protocol/object.h \
	%D%/protocol/verb.c %D%/protocol/verb.h %D%/protocol/verb_find.c \
	%D%/protocol/verb_parse.c %D%/protocol/verb_value.c %D%/protocol/verb_value.h
%C%_libcluprotocol_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(NETTLE_CFLAGS)

noinst_LIBRARIES += %D%/libclucore.a
%C%_libclucore_a_SOURCES = \
	%D%/core/actions.c \
	%D%/core/apply.c %D%/core/apply.h \
	%D%/core/apply_copy.c \
	%D%/core/apply_evict.c \
	%D%/core/apply_force.c \
	%D%/core/apply_fence_test.c \
	%D%/core/apply_node.c \
	%D%/core/apply_report.c \
	%D%/core/apply_role.c \
	%D%/core/apply_volume.c \
	%D%/core/catch_up.c %D%/core/claim.c \
	%D%/core/changes.c %D%/core/changes.h \
	%D%/core/cluster.c %D%/core/cluster.h %D%/core/cluster_private.h %D%/core/lost_private.h \
	%D%/core/commit.c \
	%D%/core/explain.c %D%/core/explain.h \
	%D%/core/fence_level.c %D%/core/fence_level.h \
	%D%/core/fence_test.c \
	%D%/core/fencing.c \
	%D%/core/guard.c \
	%D%/core/electorate.c \
	%D%/core/force.c \
	%D%/core/lead.c \
	%D%/core/join.c \
	%D%/core/lease.c \
	%D%/core/lease_guard.c %D%/core/lease_guard.h \
	%D%/core/lease_watch.c \
	%D%/core/ledger.c %D%/core/ledger.h \
	%D%/core/model.c %D%/core/model.h \
	%D%/core/node_state.c %D%/core/node_state.h \
	%D%/core/observe.c \
	%D%/core/copy.c %D%/core/copy.h \
	%D%/core/report.c %D%/core/report.h \
	%D%/core/stall.c %D%/core/stall.h \
	%D%/core/apply_redirect.c %D%/core/redirect.c %D%/core/redirect.h \
	%D%/core/redirect_rule.c %D%/core/redirect_rule.h \
	%D%/core/coordinator.c \
	%D%/core/coordinator.h \
	%D%/core/path.c \
	%D%/core/pending.c \
	%D%/core/prepare.c \
	%D%/core/confirm.c \
	%D%/core/preempt.c \
	%D%/core/reservation.c %D%/core/reservation.h \
	%D%/core/placement.c %D%/core/placement.h \
	%D%/core/plan.c %D%/core/plan.h \
	%D%/core/planner.c %D%/core/planner.h \
	%D%/core/guard_times.c \
	%D%/core/pause.c \
	%D%/core/quarantine.c \
	%D%/core/shut_down.c \
	%D%/core/quorum_view.c %D%/core/quorum_view.h \
	%D%/core/contact.c %D%/core/witness.c \
	%D%/core/reconcile.c %D%/core/reconcile.h \
	%D%/core/role_state.c %D%/core/role_state.h \
	%D%/core/round.h %D%/core/round_rule.c %D%/core/round_rule.h \
	%D%/core/view_change.c

noinst_LIBRARIES += %D%/libcluio.a
%C%_libcluio_a_SOURCES = \
	%D%/io/copy_claim.c %D%/io/copy_claim.h %D%/io/disk_exports.c %D%/io/disk_exports.h \
	%D%/io/domain_disk.c %D%/io/domain_disk.h \
	%D%/io/domain_definition.c %D%/io/domain_definition.h \
	%D%/io/hypervisor.h %D%/io/hypervisor_state.h \
	%D%/io/hypervisor_announce.c %D%/io/hypervisor_connection.c %D%/io/hypervisor_copy.c \
	%D%/io/hypervisor_domain.c %D%/io/hypervisor_event.c %D%/io/hypervisor_export.c \
	%D%/io/hypervisor_libvirt.c %D%/io/hypervisor_list.c \
	%D%/io/hypervisor_mark.c %D%/io/hypervisor_move.c \
	%D%/io/hypervisor_process.c \
	%D%/io/hypervisor_progress.c %D%/io/hypervisor_redirect.c %D%/io/hypervisor_resume.c %D%/io/hypervisor_start.c \
	%D%/io/hypervisor_stop.c %D%/io/hypervisor_task.c \
	%D%/io/hypervisor_worker.c %D%/io/hypervisor_worker.h \
	%D%/io/guest_disks.c %D%/io/guest_disks.h \
	%D%/io/held_process.c %D%/io/held_process.h \
	%D%/io/host.h %D%/io/host.c %D%/io/host_linux.c \
	%D%/guard/guard_files.c %D%/guard/guard_files.h \
	%D%/guard/guard_protocol.c %D%/guard/guard_protocol.h \
	%D%/io/guard_client.c %D%/io/guard_client.h \
	%D%/io/ipc.h %D%/io/ipc_qb.c \
	%D%/io/ipc_access.c %D%/io/ipc_access.h \
	%D%/io/fence_presence.c %D%/io/fence_presence.h \
	%D%/io/iscsi_gateways.c %D%/io/iscsi_gateways.h \
	%D%/io/iscsi_confirm.c %D%/io/iscsi_confirm.h \
	%D%/io/iscsi_looks.c %D%/io/iscsi_looks.h \
	%D%/io/iscsi_preempts.c %D%/io/iscsi_preempts.h \
	%D%/io/lease_file.c %D%/io/lease_file.h \
	%D%/io/lease_visit.c %D%/io/lease_visit.h \
	%D%/io/lease_worker.c %D%/io/lease_worker.h \
	%D%/io/log.h %D%/io/log_qb.c \
	%D%/io/mailbox.c %D%/io/mailbox.h \
	%D%/io/membership.h %D%/io/membership_corosync.c \
	%D%/io/membership_config.c \
	%D%/io/process_runner.c %D%/io/process_runner.h \
	%D%/io/process_start.c %D%/io/process_start.h \
	%D%/io/qdevice_config.h %D%/io/qdevice_config_corosync.c \
	%D%/io/qdevice_status.c %D%/io/qdevice_status.h \
	%D%/io/qnetd_device.c %D%/io/qnetd_device.h \
	%D%/io/qnetd_place.c %D%/io/qnetd_place.h \
	%D%/io/qnetd_port.c %D%/io/qnetd_port.h \
	%D%/io/qnetd_watch.h %D%/io/qnetd_watch_corosync.c \
	%D%/io/quorum_mirror.h %D%/io/quorum_mirror_corosync.c \
	%D%/io/request.c %D%/io/request.h \
	%D%/io/request_arguments.c \
	%D%/io/request_change.c \
	%D%/io/request_change_role.c %D%/io/request_copy.c \
	%D%/io/request_document.c \
	%D%/io/request_entry_text.c \
	%D%/io/request_entry_text.h \
	%D%/io/request_history.c \
	%D%/io/request_internal.h \
	%D%/io/request_fence.c \
	%D%/io/request_node.c \
	%D%/io/request_plan.c \
	%D%/io/request_quorum.c \
	%D%/io/request_role.c \
	%D%/io/request_role_list.c \
	%D%/io/request_verify.c \
	%D%/io/request_image.c \
	%D%/io/request_volume.c \
	%D%/io/request_warnings.c \
	%D%/io/request_why.c \
	%D%/io/store.h %D%/io/store_internal.h \
	%D%/io/store_compact.c %D%/io/store_db.c %D%/io/store_db.h \
	%D%/io/store_meta.c %D%/io/store_outbox.c %D%/io/store_queue.c \
	%D%/io/store_read.c %D%/io/store_row.c %D%/io/store_schema.c \
	%D%/io/store_send.c %D%/io/store_sqlite.c \
	%D%/io/store_verify.c %D%/io/store_verify_evidence.c \
	%D%/io/store_write.c %D%/io/store_writer.c \
	%D%/io/volume_paths.c %D%/io/volume_paths.h \
	%D%/io/request_witness.c \
	%D%/io/witness_port.c %D%/io/witness_port.h \
	%D%/io/whole_file.c %D%/io/whole_file.h \
	%D%/io/witness_file.c %D%/io/witness_file.h \
	%D%/io/witness_share.c %D%/io/witness_share.h
%C%_libcluio_a_CFLAGS = $(AM_CFLAGS) $(QB_CFLAGS) $(COROSYNC_CFLAGS) $(LIBVIRT_CFLAGS) \
	$(SQLITE_CFLAGS) $(XML_CFLAGS) $(JANSSON_CFLAGS) $(NETTLE_CFLAGS)
CLU_IO_LIBS = $(QB_LIBS) $(COROSYNC_LIBS) $(LIBVIRT_LIBS) $(SQLITE_LIBS) $(XML_LIBS) $(PURE_LIBS) -lpthread

sbin_PROGRAMS += %D%/clusterd
%C%_clusterd_SOURCES = %D%/main.c \
	%D%/daemon.c %D%/daemon.h %D%/daemon_private.h \
	%D%/daemon_actions.c %D%/daemon_messages.c %D%/daemon_requests.c
%C%_clusterd_CPPFLAGS = $(AM_CPPFLAGS) -DCLU_HELPERS='"$(pkglibexecdir)"'
%C%_clusterd_CFLAGS  = $(AM_CFLAGS) $(QB_CFLAGS)
%C%_clusterd_LDADD   = resource-agents/libcluagents.a %D%/libcluio.a $(CLU_CORE) $(CLU_IO_LIBS)

# The guard keeper: outlives the daemon, so it stands alone.
sbin_PROGRAMS += %D%/clu-guard
%C%_clu_guard_SOURCES = %D%/guard/main.c \
	%D%/guard/guard_files.c %D%/guard/guard_files.h \
	%D%/guard/guard_protocol.c %D%/guard/guard_protocol.h \
	%D%/guard/guard_rule.c %D%/guard/guard_rule.h \
	%D%/guard/keeper.c %D%/guard/keeper.h \
	%D%/guard/watchdog_linux.c %D%/guard/watchdog.h \
	%D%/io/log_qb.c %D%/io/log.h \
	%D%/io/membership_corosync.c %D%/io/membership.h
%C%_clu_guard_CFLAGS  = $(AM_CFLAGS) $(QB_CFLAGS) $(COROSYNC_CFLAGS)
%C%_clu_guard_LDADD   = %D%/libclubase.a $(QB_LIBS) $(COROSYNC_LIBS)
