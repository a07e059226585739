/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_QUOTE_H
#define OAUTHRELAY_COMMON_QUOTE_H

#include "common/str.h"
#include "common/strbuf.h"

/*
 * Foreign text made safe to print on one line: only 0x20..0x7e come out, `"` and `\` escaped,
 * everything else as \r \n \t or \xNN, cut after `max` input bytes with "..." (so that neither a
 * terminal nor a log reader can be addressed from outside). Pure, any thread.
 */

/* In double quotes. */
void quote_append(struct strbuf *out, struct str text, size_t max);
/* The same without the quotes around it, for text inside a sentence. */
void quote_append_bare(struct strbuf *out, struct str text, size_t max);
/* The same but for `"` and `\`, which stay: for people, and for text that was made safe before. */
void quote_append_visible(struct strbuf *out, struct str text, size_t max);
/* As one word of a shell's command line that somebody is to paste: in single quotes where it needs
 * them, with ? for what cannot be printed. */
void quote_append_shell(struct strbuf *out, struct str text);
/* True when text needs no quoting as a log value: not empty, all of it in ! to ~, no " or \. */
bool quote_is_plain(struct str text);

#endif
