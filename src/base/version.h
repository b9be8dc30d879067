/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Which version we are, and which one of the reference we behave as: scripts read the latter. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H 1

#define VERSION_SLUICE    SLUICE_VERSION
#define VERSION_REFERENCE "3.1.0"
/* What --version and the `version` command say after the program's name and a space. */
#define VERSION_TEXT "(Open vSwitch) " VERSION_REFERENCE "\nSluice " VERSION_SLUICE "\n"

#endif
