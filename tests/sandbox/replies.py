# SPDX-License-Identifier: MIT
"""What Exchange Online says, word by word (microsoft365.md 1.1 and 6)."""
import email.utils
import secrets
import time

HOST = "SY5P282CA0097.outlook.office365.com"
PROD = "SY5P282CA0097.AUSP282.PROD.OUTLOOK.COM"
BACKEND = "SY4P282MB1234.AUSP282.PROD.OUTLOOK.COM"

READY = "354 Start mail input; end with <CRLF>.<CRLF>"
STARTTLS_READY = "220 2.0.0 SMTP server ready"
AUTH_OK = "235 2.7.0 Authentication successful"
SENDER_OK = "250 2.1.0 Sender OK"
RCPT_OK = "250 2.1.5 Recipient OK"
RESET = "250 2.0.0 Resetting"
OK = "250 2.0.0 OK"
CLOSING = "221 2.0.0 Service closing transmission channel"
VRFY = "252 2.1.5 Cannot VRFY user"
HELP = "214-This server supports the following commands:\n214 HELO EHLO STARTTLS RCPT DATA RSET " \
       "MAIL QUIT HELP AUTH BDAT"

UNRECOGNIZED = "500 5.3.3 Unrecognized command '{verb}'"
LINE_TOO_LONG = "500 5.5.2 Line too long"
BAD_DOMAIN = "501 5.5.4 Invalid domain name"
BAD_ARGUMENTS = "501 5.5.4 Invalid arguments"
UNKNOWN_PARAM = "501 5.5.4 Unrecognized parameter"
HELLO_FIRST = "503 5.5.2 Send hello first"
MAIL_FIRST = "503 5.5.2 Need mail command"
RCPT_FIRST = "503 5.5.2 Need rcpt command"
BAD_SEQUENCE = "503 5.5.1 Bad sequence of commands"
SENDER_GIVEN = "503 5.5.2 Sender already specified"
TLS_FIRST = "451 5.7.3 Must issue a STARTTLS command first"
BAD_SENDER = "501 5.1.7 Invalid address"
BAD_RCPT = "501 5.1.3 Invalid address"
TOO_MANY_RCPTS = "452 4.5.3 Too many recipients"
NOT_AUTHENTICATED = "530 5.7.57 Client not authenticated to send mail."
UNKNOWN_MECHANISM = "504 5.7.4 Unrecognized authentication type"
AUTH_FAILED = "535 5.7.3 Authentication unsuccessful"
AUTH_CLOSE = "421 4.7.0 Too many errors on this connection, closing transmission channel"
LOCKED = "535 5.7.139 Authentication unsuccessful, account locked. Contact your administrator."
BASIC_OFF = "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."
AUTH_OFF = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for " \
           "the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information."
NOT_SENDER = "550 5.7.60 SMTP; Client does not have permissions to send as this sender"
HVE_NOT_SENDER = "550 5.7.62 Client does not have permissions to send as this sender"
HVE_NOT_FROM = "550 5.6.241 The header From address is not the High Volume Email account"
HVE_EXTERNAL = "550 5.5.105 External sending is not supported for High Volume Email accounts"
HVE_SOON = "501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon"
HVE_PERMISSION = "535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions"
HVE_APP = "550 5.7.240 The application is not allowed for use with this High Volume Email account"
HVE_FAILED = "535 5.7.127 Authentication unsuccessful"
BAD_ARGUMENT = "501 5.5.121 Invalid XOAUTH2 argument"
BAD_AUTH_DATA = "501 5.5.{code} Invalid XOAUTH2 auth data"
TOO_BIG = "552 5.3.4 Message size exceeds fixed maximum message size"
HEADER_TOO_BIG = "552 5.3.4 Header size exceeds fixed maximum size"
TOO_BIG_FOR_MAILBOX = "554 5.2.3 STOREDRV.Submit; MapiExceptionMaxSubmissionExceeded; Message size " \
    "exceeds maximum size limit.; STOREDRV.Submission.Exception:MessageSubmissionExceededException." \
    "MapiExceptionMaxSubmissionExceeded; Failed to process message due to a permanent exception"
CONNECTIONS = "432 4.3.2 Concurrent connections limit exceeded. Visit " \
              "https://aka.ms/concurrent_sending for more information."
RATE = "421 4.4.2 Message submission rate for this client has exceeded the configured limit"
DAILY = "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to " \
        "process message due to a permanent exception with message The message can't be submitted " \
        "because the sender's submission quota was exceeded."
BARE_LF = "550 5.6.11 Invalid characters found in message body: bare linefeed; use BDAT"
MANY_FROM = "550 5.1.20 Multiple From addresses are not allowed without Sender address"
NO_FROM = "550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant"
SEND_AS_DENIED = (
    "554 5.2.252 SendAsDenied; {mailbox} not allowed to send as {sender}; "
    "STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to "
    "process message due to a permanent exception with message [BeginDiagnosticData]Cannot submit "
    "message. 0.35250:0A00DE85, 1.36674:0A000000, 1.61250:00000000, 1.45378:02000000, "
    "1.44866:30000000, 1.36674:0E000000, 1.61250:00000000, 1.45378:30000000, 1.44866:34000000, "
    "16.55847:8F000000, 17.43559:0000000040020000000000000000000000000000, "
    "20.52176:140F7F8A0A00101034000000, 20.50032:140F7F8A7A17000000000000, "
    "255.23226:0A00A481, 255.27962:FA000000, 255.17082:DC040000, 0.27745:0A00B781, "
    "4.21921:DC040000, 255.27962:FA000000, 255.1494:0A000C82, 0.37692:00000000, "
    "0.35180:DC040000[EndDiagnosticData]")


def session_id():
    return "08" + secrets.token_hex(7).upper()


def _milliseconds():
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}Z"


def tail(session):
    """The bracketed end of many replies: server, time, session."""
    return f" [{PROD} {_milliseconds()} {session}]"


def hostname():
    return f" [Hostname={BACKEND}]"


def banner(session):
    date = email.utils.formatdate(usegmt=False)
    return f"220 {HOST} Microsoft ESMTP MAIL Service ready at {date.replace('-0000', '+0000')} " \
           f"[{session}]"


# In the order of the transcript; AUTH stands where STARTTLS stood once TLS is on.
KEYWORDS = ("SIZE", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "8BITMIME",
            "BINARYMIME", "CHUNKING", "SMTPUTF8")


def ehlo(peer, tls, size, omit):
    lines = [f"{HOST} Hello [{peer}]"]
    for keyword in KEYWORDS:
        if keyword == "STARTTLS" and tls:
            if "AUTH" in omit:
                continue
            mechanisms = [name for name in ("LOGIN", "XOAUTH2") if name not in omit]
            lines.append("AUTH " + " ".join(mechanisms))
        elif keyword in omit:
            continue
        elif keyword == "SIZE":
            lines.append(f"SIZE {size}")
        else:
            lines.append(keyword)
    return "\n".join(f"250{'-' if i < len(lines) - 1 else ' '}{line}"
                     for i, line in enumerate(lines))
