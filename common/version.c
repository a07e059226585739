/* SPDX-License-Identifier: MIT */
#include "common/version.h"

const char *version_string(void)
{
	return OAUTHRELAY_VERSION;
}
