/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. All OpenFlow errors, those of Open vSwitch's and ONF's extensions included, and what they are on
 * the wire in each version. A function that can find fault with a message returns `enum ofperr`: OFPERR_NONE
 * or one of these.
 *
 * Thread-safety: constants and pure functions. */
#ifndef OPENFLOW_ERRORS_H
#define OPENFLOW_ERRORS_H 1

#include <stdbool.h>
#include <stdint.h>

#include "openflow/types.h"

/* X(NAME, W(from version, to version, vendor, type, code)...). Vendor 0: the standard's own numbers; NX and
 * ONF: as an experimenter's error, in which `type` is the experimenter's type. */
/* clang-format off */
#define OFPERRORS \
    X(NXBAC_BAD_CONJUNCTION, W(1, 2, NX, 2, 526) W(3, 6, NX, 15, 0)) \
    X(NXBAC_BAD_ED_PROP, W(4, 6, NX, 41, 0)) \
    X(NXBAC_BAD_HEADER_TYPE, W(4, 6, NX, 39, 0)) \
    X(NXBAC_CT_DATAPATH_SUPPORT, W(1, 2, NX, 1, 265) W(3, 6, NX, 42, 0)) \
    X(NXBAC_MUST_BE_ZERO, W(1, 2, NX, 2, 256) W(3, 6, NX, 11, 0)) \
    X(NXBAC_UNKNOWN_ED_PROP, W(4, 6, NX, 40, 0)) \
    X(NXBMC_CT_DATAPATH_SUPPORT, W(1, 2, NX, 1, 264) W(3, 6, NX, 43, 0)) \
    X(NXBRC_BAD_REASON, W(1, 2, NX, 1, 516) W(3, 6, NX, 5, 0)) \
    X(NXBRC_FM_BAD_EVENT, W(1, 2, NX, 1, 520) W(3, 6, NX, 9, 0)) \
    X(NXBRC_MUST_BE_ZERO, W(1, 2, NX, 1, 515) W(3, 6, NX, 4, 0)) \
    X(NXBRC_NXM_BAD_TYPE, W(1, 2, NX, 1, 257) W(3, 6, NX, 3, 0)) \
    X(NXBRC_NXM_INVALID, W(1, 2, NX, 1, 256) W(3, 6, NX, 2, 0)) \
    X(NXBRC_UNENCODABLE_ERROR, W(1, 2, NX, 1, 521) W(3, 6, NX, 10, 0)) \
    X(NXFMFC_BAD_TABLE_ID, W(1, 2, NX, 5, 257) W(3, 6, NX, 13, 0)) \
    X(NXFMFC_HARDWARE, W(1, 2, NX, 5, 256) W(3, 6, NX, 12, 0)) \
    X(NXFMFC_INVALID_TLV_FIELD, W(1, 2, NX, 1, 536) W(3, 6, NX, 37, 0)) \
    X(NXQOFC_QUEUE_ERROR, W(5, 6, NX, 23, 0)) \
    X(NXR_NOT_SUPPORTED, W(1, 2, NX, 1, 533) W(3, 6, NX, 34, 0)) \
    X(NXR_STALE, W(1, 2, NX, 1, 534) W(3, 6, NX, 35, 0)) \
    X(NXST_NOT_CONFIGURED, W(1, 2, NX, 1, 535) W(3, 6, NX, 36, 0)) \
    X(NXTFFC_DUP_TABLE, W(4, 6, NX, 44, 0)) \
    X(NXTTMFC_ALREADY_MAPPED, W(1, 2, NX, 1, 531) W(3, 6, NX, 20, 0)) \
    X(NXTTMFC_BAD_COMMAND, W(1, 2, NX, 1, 527) W(3, 6, NX, 16, 0)) \
    X(NXTTMFC_BAD_FIELD_IDX, W(1, 2, NX, 1, 529) W(3, 6, NX, 18, 0)) \
    X(NXTTMFC_BAD_OPT_LEN, W(1, 2, NX, 1, 528) W(3, 6, NX, 17, 0)) \
    X(NXTTMFC_DUP_ENTRY, W(1, 2, NX, 1, 532) W(3, 6, NX, 21, 0)) \
    X(NXTTMFC_INVALID_TLV_DEL, W(1, 2, NX, 1, 537) W(3, 6, NX, 38, 0)) \
    X(NXTTMFC_TABLE_FULL, W(1, 2, NX, 1, 530) W(3, 6, NX, 19, 0)) \
    X(OFPACFC_EPERM, W(4, 4, ONF, 2372, 0) W(5, 6, 0, 15, 2)) \
    X(OFPACFC_INVALID, W(4, 4, ONF, 2370, 0) W(5, 6, 0, 15, 0)) \
    X(OFPACFC_UNSUPPORTED, W(4, 4, ONF, 2371, 0) W(5, 6, 0, 15, 1)) \
    X(OFPBAC_BAD_ARGUMENT, W(1, 6, 0, 2, 5)) \
    X(OFPBAC_BAD_LEN, W(1, 6, 0, 2, 1)) \
    X(OFPBAC_BAD_METER, W(6, 6, 0, 2, 17)) \
    X(OFPBAC_BAD_OUT_GROUP, W(1, 1, NX, 2, 9) W(2, 6, 0, 2, 9)) \
    X(OFPBAC_BAD_OUT_PORT, W(1, 6, 0, 2, 4)) \
    X(OFPBAC_BAD_QUEUE, W(1, 6, 0, 2, 8)) \
    X(OFPBAC_BAD_SET_ARGUMENT, W(1, 2, NX, 1, 525) W(3, 6, 0, 2, 15)) \
    X(OFPBAC_BAD_SET_LEN, W(1, 2, NX, 1, 524) W(3, 6, 0, 2, 14)) \
    X(OFPBAC_BAD_SET_MASK, W(4, 5, ONF, 4250, 0) W(6, 6, 0, 2, 16)) \
    X(OFPBAC_BAD_SET_TYPE, W(1, 2, NX, 1, 523) W(3, 6, 0, 2, 13)) \
    X(OFPBAC_BAD_TAG, W(2, 6, 0, 2, 12)) \
    X(OFPBAC_BAD_TYPE, W(1, 6, 0, 2, 0)) \
    X(OFPBAC_BAD_VENDOR, W(1, 6, 0, 2, 2)) \
    X(OFPBAC_BAD_VENDOR_TYPE, W(1, 6, 0, 2, 3)) \
    X(OFPBAC_EPERM, W(1, 6, 0, 2, 6)) \
    X(OFPBAC_MATCH_INCONSISTENT, W(1, 1, NX, 1, 522) W(2, 6, 0, 2, 10)) \
    X(OFPBAC_TOO_MANY, W(1, 6, 0, 2, 7)) \
    X(OFPBAC_UNSUPPORTED_ORDER, W(2, 6, 0, 2, 11)) \
    X(OFPBFC_BAD_FLAGS, W(4, 4, ONF, 2307, 0) W(5, 6, 0, 17, 7)) \
    X(OFPBFC_BAD_ID, W(4, 4, ONF, 2302, 0) W(5, 6, 0, 17, 2)) \
    X(OFPBFC_BAD_TYPE, W(4, 4, ONF, 2306, 0) W(5, 6, 0, 17, 6)) \
    X(OFPBFC_BAD_VERSION, W(5, 6, NX, 22, 0)) \
    X(OFPBFC_BUNDLE_CLOSED, W(4, 4, ONF, 2304, 0) W(5, 6, 0, 17, 4)) \
    X(OFPBFC_BUNDLE_EXIST, W(4, 4, ONF, 2303, 0) W(5, 6, 0, 17, 3)) \
    X(OFPBFC_BUNDLE_IN_PROGRESS, W(4, 4, ONF, 2315, 0) W(5, 6, 0, 17, 15)) \
    X(OFPBFC_EPERM, W(4, 4, ONF, 2301, 0) W(5, 6, 0, 17, 1)) \
    X(OFPBFC_MSG_BAD_LEN, W(4, 4, ONF, 2308, 0) W(5, 6, 0, 17, 8)) \
    X(OFPBFC_MSG_BAD_XID, W(4, 4, ONF, 2309, 0) W(5, 6, 0, 17, 9)) \
    X(OFPBFC_MSG_CONFLICT, W(4, 4, ONF, 2311, 0) W(5, 6, 0, 17, 11)) \
    X(OFPBFC_MSG_FAILED, W(4, 4, ONF, 2313, 0) W(5, 6, 0, 17, 13)) \
    X(OFPBFC_MSG_TOO_MANY, W(4, 4, ONF, 2312, 0) W(5, 6, 0, 17, 12)) \
    X(OFPBFC_MSG_UNSUP, W(4, 4, ONF, 2310, 0) W(5, 6, 0, 17, 10)) \
    X(OFPBFC_OUT_OF_BUNDLES, W(4, 4, ONF, 2305, 0) W(5, 6, 0, 17, 5)) \
    X(OFPBFC_SCHED_FUTURE, W(6, 6, 0, 17, 17)) \
    X(OFPBFC_SCHED_NOT_SUPPORTED, W(6, 6, 0, 17, 16)) \
    X(OFPBFC_SCHED_PAST, W(6, 6, 0, 17, 18)) \
    X(OFPBFC_TIMEOUT, W(4, 4, ONF, 2314, 0) W(5, 6, 0, 17, 14)) \
    X(OFPBFC_UNKNOWN, W(4, 4, ONF, 2300, 0) W(5, 6, 0, 17, 0)) \
    X(OFPBIC_BAD_EXPERIMENTER, W(2, 6, 0, 3, 5)) \
    X(OFPBIC_BAD_EXP_TYPE, W(2, 2, 0, 3, 5) W(3, 6, 0, 3, 6)) \
    X(OFPBIC_BAD_LEN, W(3, 6, 0, 3, 7)) \
    X(OFPBIC_BAD_TABLE_ID, W(2, 6, 0, 3, 2)) \
    X(OFPBIC_DUP_INST, W(2, 2, NX, 3, 256) W(3, 4, ONF, 2600, 0) W(5, 6, 0, 3, 9)) \
    X(OFPBIC_EPERM, W(3, 6, 0, 3, 8)) \
    X(OFPBIC_UNKNOWN_INST, W(2, 6, 0, 3, 0)) \
    X(OFPBIC_UNSUP_INST, W(1, 1, NX, 2, 257) W(2, 6, 0, 3, 1)) \
    X(OFPBIC_UNSUP_METADATA, W(2, 6, 0, 3, 3)) \
    X(OFPBIC_UNSUP_METADATA_MASK, W(2, 6, 0, 3, 4)) \
    X(OFPBMC_BAD_DL_ADDR_MASK, W(2, 6, 0, 4, 3)) \
    X(OFPBMC_BAD_FIELD, W(1, 1, NX, 0, 263) W(2, 6, 0, 4, 6)) \
    X(OFPBMC_BAD_LEN, W(2, 6, 0, 4, 1)) \
    X(OFPBMC_BAD_MASK, W(1, 2, NX, 1, 259) W(3, 6, 0, 4, 8)) \
    X(OFPBMC_BAD_NW_ADDR_MASK, W(2, 6, 0, 4, 4)) \
    X(OFPBMC_BAD_PREREQ, W(1, 2, NX, 1, 260) W(3, 6, 0, 4, 9)) \
    X(OFPBMC_BAD_TAG, W(2, 6, 0, 4, 2)) \
    X(OFPBMC_BAD_TYPE, W(2, 6, 0, 4, 0)) \
    X(OFPBMC_BAD_VALUE, W(1, 1, NX, 1, 258) W(2, 6, 0, 4, 7)) \
    X(OFPBMC_BAD_WILDCARDS, W(1, 1, NX, 1, 262) W(2, 6, 0, 4, 5)) \
    X(OFPBMC_DUP_FIELD, W(1, 2, NX, 1, 261) W(3, 6, 0, 4, 10)) \
    X(OFPBMC_EPERM, W(3, 6, 0, 4, 11)) \
    X(OFPBPC_BAD_EXPERIMENTER, W(1, 2, NX, 14, 5) W(3, 3, NX, 30, 0) W(4, 4, ONF, 4445, 0) W(5, 6, 0, 14, 5)) \
    X(OFPBPC_BAD_EXP_TYPE, W(1, 2, NX, 14, 6) W(3, 3, NX, 31, 0) W(4, 4, ONF, 4446, 0) W(5, 6, 0, 14, 6)) \
    X(OFPBPC_BAD_EXP_VALUE, W(1, 2, NX, 14, 7) W(3, 3, NX, 32, 0) W(4, 4, ONF, 4447, 0) W(5, 6, 0, 14, 7)) \
    X(OFPBPC_BAD_LEN, W(1, 2, NX, 13, 3) W(3, 3, NX, 26, 0) W(4, 4, 0, 13, 3) W(5, 6, 0, 14, 1)) \
    X(OFPBPC_BAD_TYPE, W(1, 2, NX, 13, 2) W(3, 3, NX, 25, 0) W(4, 4, 0, 13, 2) W(5, 6, 0, 14, 0)) \
    X(OFPBPC_BAD_VALUE, W(1, 2, NX, 13, 4) W(3, 3, NX, 27, 0) W(4, 4, 0, 13, 4) W(5, 6, 0, 14, 2)) \
    X(OFPBPC_DUP_TYPE, W(1, 2, NX, 14, 4) W(3, 3, NX, 29, 0) W(4, 4, ONF, 4444, 0) W(5, 6, 0, 14, 4)) \
    X(OFPBPC_EPERM, W(1, 2, NX, 14, 8) W(3, 3, NX, 33, 0) W(4, 4, ONF, 4448, 0) W(5, 6, 0, 14, 8)) \
    X(OFPBPC_TOO_MANY, W(1, 2, NX, 14, 3) W(3, 3, NX, 28, 0) W(4, 4, ONF, 4443, 0) W(5, 6, 0, 14, 3)) \
    X(OFPBRC_BAD_LEN, W(1, 6, 0, 1, 6)) \
    X(OFPBRC_BAD_PACKET, W(3, 6, 0, 1, 12)) \
    X(OFPBRC_BAD_PORT, W(1, 2, NX, 1, 514) W(3, 6, 0, 1, 11)) \
    X(OFPBRC_BAD_STAT, W(1, 6, 0, 1, 2)) \
    X(OFPBRC_BAD_SUBTYPE, W(1, 6, 0, 1, 4)) \
    X(OFPBRC_BAD_TABLE_ID, W(1, 1, NX, 1, 512) W(2, 6, 0, 1, 9)) \
    X(OFPBRC_BAD_TYPE, W(1, 6, 0, 1, 1)) \
    X(OFPBRC_BAD_VENDOR, W(1, 6, 0, 1, 3)) \
    X(OFPBRC_BAD_VERSION, W(1, 6, 0, 1, 0)) \
    X(OFPBRC_BUFFER_EMPTY, W(1, 6, 0, 1, 7)) \
    X(OFPBRC_BUFFER_UNKNOWN, W(1, 6, 0, 1, 8)) \
    X(OFPBRC_EPERM, W(1, 6, 0, 1, 5)) \
    X(OFPBRC_IS_SECONDARY, W(1, 2, 0, 1, 5) W(3, 6, 0, 1, 10)) \
    X(OFPBRC_MULTIPART_BAD_SCHED, W(6, 6, 0, 1, 16)) \
    X(OFPBRC_MULTIPART_BUFFER_OVERFLOW, W(4, 6, 0, 1, 13)) \
    X(OFPBRC_MULTIPART_REPLY_TIMEOUT, W(4, 4, ONF, 2641, 0) W(5, 6, 0, 1, 15)) \
    X(OFPBRC_MULTIPART_REQUEST_TIMEOUT, W(4, 4, ONF, 2640, 0) W(5, 6, 0, 1, 14)) \
    X(OFPBRC_PIPELINE_FIELDS_ONLY, W(6, 6, 0, 1, 17)) \
    X(OFPBRC_UNKNOWN, W(6, 6, 0, 1, 18)) \
    X(OFPFMFC_BAD_COMMAND, W(1, 1, 0, 3, 4) W(2, 6, 0, 5, 6)) \
    X(OFPFMFC_BAD_EMERG_TIMEOUT, W(1, 1, 0, 3, 3)) \
    X(OFPFMFC_BAD_FLAGS, W(1, 1, NX, 3, 258) W(2, 2, NX, 5, 258) W(3, 6, 0, 5, 7)) \
    X(OFPFMFC_BAD_PRIORITY, W(4, 4, ONF, 2360, 0) W(5, 6, 0, 5, 9)) \
    X(OFPFMFC_BAD_TABLE_ID, W(2, 6, 0, 5, 2)) \
    X(OFPFMFC_BAD_TIMEOUT, W(2, 6, 0, 5, 5)) \
    X(OFPFMFC_CANT_SYNC, W(5, 6, 0, 5, 8)) \
    X(OFPFMFC_EPERM, W(1, 1, 0, 3, 2) W(2, 6, 0, 5, 4)) \
    X(OFPFMFC_IS_SYNC, W(5, 6, 0, 5, 10)) \
    X(OFPFMFC_OVERLAP, W(1, 1, 0, 3, 1) W(2, 6, 0, 5, 3)) \
    X(OFPFMFC_TABLE_FULL, W(1, 1, 0, 3, 0) W(2, 6, 0, 5, 1)) \
    X(OFPFMFC_UNKNOWN, W(2, 6, 0, 5, 0)) \
    X(OFPFMFC_UNSUPPORTED, W(1, 1, 0, 3, 5)) \
    X(OFPGMFC_BAD_BUCKET, W(1, 1, NX, 6, 12) W(3, 6, 0, 6, 12)) \
    X(OFPGMFC_BAD_COMMAND, W(1, 1, NX, 6, 11) W(3, 6, 0, 6, 11)) \
    X(OFPGMFC_BAD_TYPE, W(1, 1, NX, 6, 10) W(3, 6, 0, 6, 10)) \
    X(OFPGMFC_BAD_WATCH, W(1, 1, NX, 6, 13) W(3, 6, 0, 6, 13)) \
    X(OFPGMFC_BUCKET_EXISTS, W(1, 1, NX, 6, 16) W(6, 6, 0, 6, 16)) \
    X(OFPGMFC_CHAINED_GROUP, W(1, 1, NX, 6, 9) W(3, 6, 0, 6, 9)) \
    X(OFPGMFC_CHAINING_UNSUPPORTED, W(1, 1, NX, 6, 5) W(2, 6, 0, 6, 5)) \
    X(OFPGMFC_EPERM, W(1, 1, NX, 6, 14) W(3, 6, 0, 6, 14)) \
    X(OFPGMFC_GROUP_EXISTS, W(1, 1, NX, 6, 0) W(2, 6, 0, 6, 0)) \
    X(OFPGMFC_INVALID_GROUP, W(1, 1, NX, 6, 1) W(2, 6, 0, 6, 1)) \
    X(OFPGMFC_LOOP, W(1, 1, NX, 6, 7) W(2, 6, 0, 6, 7)) \
    X(OFPGMFC_OUT_OF_BUCKETS, W(1, 1, NX, 6, 4) W(2, 6, 0, 6, 4)) \
    X(OFPGMFC_OUT_OF_GROUPS, W(1, 1, NX, 6, 3) W(2, 6, 0, 6, 3)) \
    X(OFPGMFC_UNKNOWN_BUCKET, W(1, 1, NX, 6, 15) W(6, 6, 0, 6, 15)) \
    X(OFPGMFC_UNKNOWN_GROUP, W(1, 1, NX, 6, 8) W(2, 6, 0, 6, 8)) \
    X(OFPGMFC_WATCH_UNSUPPORTED, W(1, 1, NX, 6, 6) W(2, 6, 0, 6, 6)) \
    X(OFPGMFC_WEIGHT_UNSUPPORTED, W(1, 1, NX, 6, 2) W(2, 6, 0, 6, 2)) \
    X(OFPHFC_EPERM, W(1, 6, 0, 0, 1)) \
    X(OFPHFC_INCOMPATIBLE, W(1, 6, 0, 0, 0)) \
    X(OFPMMFC_BAD_BAND, W(4, 6, 0, 12, 8)) \
    X(OFPMMFC_BAD_BAND_VALUE, W(4, 6, 0, 12, 9)) \
    X(OFPMMFC_BAD_BURST, W(4, 6, 0, 12, 7)) \
    X(OFPMMFC_BAD_COMMAND, W(4, 6, 0, 12, 4)) \
    X(OFPMMFC_BAD_FLAGS, W(4, 6, 0, 12, 5)) \
    X(OFPMMFC_BAD_RATE, W(4, 6, 0, 12, 6)) \
    X(OFPMMFC_INVALID_METER, W(4, 6, 0, 12, 2)) \
    X(OFPMMFC_METER_EXISTS, W(4, 6, 0, 12, 1)) \
    X(OFPMMFC_OUT_OF_BANDS, W(4, 6, 0, 12, 11)) \
    X(OFPMMFC_OUT_OF_METERS, W(4, 6, 0, 12, 10)) \
    X(OFPMMFC_UNKNOWN, W(4, 6, 0, 12, 0)) \
    X(OFPMMFC_UNKNOWN_METER, W(4, 6, 0, 12, 3)) \
    X(OFPMOFC_BAD_COMMAND, W(5, 6, 0, 16, 4)) \
    X(OFPMOFC_BAD_FLAGS, W(1, 2, NX, 1, 518) W(3, 4, NX, 7, 0) W(5, 6, 0, 16, 5)) \
    X(OFPMOFC_BAD_OUT, W(5, 6, 0, 16, 7)) \
    X(OFPMOFC_BAD_TABLE_ID, W(5, 6, 0, 16, 6)) \
    X(OFPMOFC_INVALID_MONITOR, W(5, 6, 0, 16, 2)) \
    X(OFPMOFC_MONITOR_EXISTS, W(1, 2, NX, 1, 517) W(3, 4, NX, 6, 0) W(5, 6, 0, 16, 1)) \
    X(OFPMOFC_UNKNOWN, W(5, 6, 0, 16, 0)) \
    X(OFPMOFC_UNKNOWN_MONITOR, W(1, 2, NX, 1, 519) W(3, 4, NX, 8, 0) W(5, 6, 0, 16, 3)) \
    X(OFPPMFC_BAD_ADVERTISE, W(2, 6, 0, 7, 3)) \
    X(OFPPMFC_BAD_CONFIG, W(2, 6, 0, 7, 2)) \
    X(OFPPMFC_BAD_HW_ADDR, W(1, 1, 0, 4, 1) W(2, 6, 0, 7, 1)) \
    X(OFPPMFC_BAD_PORT, W(1, 1, 0, 4, 0) W(2, 6, 0, 7, 0)) \
    X(OFPPMFC_EPERM, W(3, 6, 0, 7, 4)) \
    X(OFPQOFC_BAD_PORT, W(1, 1, 0, 5, 0) W(2, 6, 0, 9, 0)) \
    X(OFPQOFC_BAD_QUEUE, W(1, 1, 0, 5, 1) W(2, 6, 0, 9, 1)) \
    X(OFPQOFC_EPERM, W(1, 1, 0, 5, 2) W(2, 6, 0, 9, 2)) \
    X(OFPRRFC_BAD_ROLE, W(1, 2, NX, 1, 513) W(3, 6, 0, 11, 2)) \
    X(OFPRRFC_ID_IN_USE, W(6, 6, 0, 11, 4)) \
    X(OFPRRFC_ID_UNSUP, W(6, 6, 0, 11, 3)) \
    X(OFPRRFC_STALE, W(3, 6, 0, 11, 0)) \
    X(OFPRRFC_UNSUP, W(3, 6, 0, 11, 1)) \
    X(OFPSCFC_BAD_FLAGS, W(2, 6, 0, 10, 0)) \
    X(OFPSCFC_BAD_LEN, W(2, 6, 0, 10, 1)) \
    X(OFPSCFC_EPERM, W(3, 6, 0, 10, 2)) \
    X(OFPTFFC_BAD_CAPA, W(6, 6, 0, 13, 6)) \
    X(OFPTFFC_BAD_COMMAND, W(6, 6, 0, 13, 9)) \
    X(OFPTFFC_BAD_FEATURES, W(6, 6, 0, 13, 8)) \
    X(OFPTFFC_BAD_MAX_ENT, W(6, 6, 0, 13, 7)) \
    X(OFPTFFC_BAD_METADATA, W(4, 6, 0, 13, 1)) \
    X(OFPTFFC_BAD_TABLE, W(4, 6, 0, 13, 0)) \
    X(OFPTFFC_EPERM, W(4, 6, 0, 13, 5)) \
    X(OFPTFFC_TOO_MANY, W(6, 6, 0, 13, 10)) \
    X(OFPTMFC_BAD_CONFIG, W(2, 6, 0, 8, 1)) \
    X(OFPTMFC_BAD_TABLE, W(2, 6, 0, 8, 0)) \
    X(OFPTMFC_EPERM, W(3, 6, 0, 8, 2))
/* clang-format on */

enum ofperr {
    OFPERR_NONE,
#define X(NAME, WIRE) OFPERR_##NAME,
    OFPERRORS
#undef X
        N_OFPERRS
};

#define OFP_VENDOR_NX  0x00002320u
#define OFP_VENDOR_ONF 0x4f4e4600u

struct ofperr_wire {
    uint32_t vendor; /* 0: the standard */
    uint16_t type, code;
};

const char *ofperr_name(enum ofperr); /* "OFPBAC_BAD_OUT_PORT" */
enum ofperr ofperr_from_name(const char *);
/* False if the version has no such error. */
bool ofperr_to_wire(enum ofperr, enum ofp_version, struct ofperr_wire *);
enum ofperr ofperr_from_wire(const struct ofperr_wire *, enum ofp_version); /* OFPERR_NONE: unknown */

#endif
