# SPDX-License-Identifier: MIT
"""SMTP clients that are not ours, each as a command line (threats.md 4.1).

A row takes a Job and says what to run, and what it reads from its standard input. What a client
does with an attachment is its own: some send a file of ours as it is, some make the MIME
themselves.
"""
import json
import os
import subprocess
import urllib.parse

NODE = """
const job = JSON.parse(process.argv[1]), fs = require('fs');
require('nodemailer').createTransport({
  host: job.host, port: job.port, secure: job.tls == 'implicit', requireTLS: job.tls == 'starttls',
  ignoreTLS: job.tls == 'none', tls: {ca: fs.readFileSync(job.ca_file)}, authMethod: job.login,
  auth: job.login ? {user: job.user, pass: job.password} : undefined,
}).sendMail({
  from: job.sender, to: job.rcpts, subject: job.subject, text: job.text,
  attachments: [{path: job.attachment}],
}).catch(error => { console.error(error.message); process.exit(1) });
"""
PHP = """
$job = json_decode($argv[1]);
require '/usr/share/php/libphp-phpmailer/autoload.php';
$mail = new PHPMailer\\PHPMailer\\PHPMailer(true);
$mail->isSMTP();
$mail->Host = $job->host; $mail->Port = $job->port; $mail->CharSet = 'UTF-8';
$mail->Encoding = '8bit'; $mail->SMTPAutoTLS = false;
$mail->SMTPSecure = ['none' => '', 'starttls' => 'tls', 'implicit' => 'ssl'][$job->tls];
$mail->SMTPOptions = ['ssl' => ['cafile' => $job->ca_file]];
if ($job->login) {
  $mail->SMTPAuth = true; $mail->AuthType = $job->login;
  $mail->Username = $job->user; $mail->Password = $job->password;
}
$mail->setFrom($job->sender);
foreach ($job->rcpts as $rcpt) $mail->addAddress($rcpt);
$mail->Subject = $job->subject; $mail->Body = $job->text;
$mail->addAttachment($job->attachment);
try { $mail->send(); } catch (Exception $error) {
  fwrite(STDERR, $error->getMessage() . "\\n");
  exit(1);
}
"""
PERL = r"""
use Net::SMTP; use Authen::SASL; use JSON::PP;
my $job = decode_json($ARGV[0]);
my %ssl = (SSL_ca_file => $job->{ca_file}, SSL_verifycn_name => "localhost");
my $smtp = Net::SMTP->new($job->{host}, Port => $job->{port}, Timeout => 30, Hello => "perl",
    SSL => $job->{tls} eq "implicit", %ssl) or die "no connection: $@\n";
sub check { die $smtp->message unless shift }
check($smtp->starttls(%ssl)) if $job->{tls} eq "starttls";
check($smtp->auth(Authen::SASL->new(mechanism => $job->{login},
    callback => {user => $job->{user}, pass => $job->{password}}))) if $job->{login};
check($smtp->mail($job->{sender}));
check($smtp->to(@{$job->{rcpts}}));
open(my $file, "<:raw", $job->{file}) or die;
check($smtp->data(<$file>));
$smtp->quit;
"""
PYTHON = """
import json, smtplib, ssl, sys
job = json.loads(sys.argv[1])
tls = ssl.create_default_context(cafile=job["ca_file"])
kind, more = (smtplib.SMTP_SSL, {"context": tls}) if job["tls"] == "implicit" else (smtplib.SMTP, {})
with kind(job["host"], job["port"], timeout=30, **more) as client:
    if job["tls"] == "starttls":
        client.starttls(context=tls)
    client.ehlo()
    if job["login"]:
        client.user, client.password = job["user"], job["password"]
        client.auth(job["login"], getattr(client, "auth_" + job["login"].lower()))
    with open(job["file"], "rb") as file:
        client.sendmail(job["sender"], job["rcpts"], file.read(), ["BODY=8BITMIME"])
"""


class Job:
    """One message to be sent. tls: none, starttls, implicit; login: None, "PLAIN", "LOGIN"."""

    def __init__(self, folder, port, tls="none", login=None, **more):
        self.folder, self.port, self.tls, self.login = str(folder), port, tls, login
        self.host = "127.0.0.1"
        self.user = self.password = self.ca_file = None
        self.sender, self.rcpts = "scan@printer.local", ["b@fabrikam.com"]
        self.subject, self.text = "a scan", "A scan.\n"
        self.attachment = None
        self.file = self.unix_file = None       # a whole message, with lines ending in CRLF and LF
        vars(self).update(more)

    def json(self):
        return json.dumps(vars(self))

    def url(self, plain, tls):
        """plain or tls as the scheme, and the login within. For clients that know a certificate's
        names only, not its addresses."""
        login = ":".join(urllib.parse.quote(word, safe="") for word in (self.user, self.password)
                         ) + "@" if self.login else ""
        return f"{tls if self.tls == 'implicit' else plain}://{login}localhost:{self.port}"


def swaks(job):
    command = ["swaks", "--server", job.host, "--port", str(job.port), "--from", job.sender,
               "--to", ",".join(job.rcpts), "--data", "@" + job.file]
    if job.login:
        command += ["--auth", job.login, "--auth-user", job.user, "--auth-password", job.password]
    if job.tls != "none":
        command += ["--tls" if job.tls == "starttls" else "--tls-on-connect", "--tls-verify",
                    "--tls-ca-path", job.ca_file]
    return command, None


def curl(job):
    # -v, because without it curl tells a reply's code, not its text.
    scheme = "smtps" if job.tls == "implicit" else "smtp"
    command = ["curl", "-sSv", "--url", f"{scheme}://{job.host}:{job.port}", "-T", job.file,
               "--mail-from", job.sender]
    for rcpt in job.rcpts:
        command += ["--mail-rcpt", rcpt]
    if job.login:
        command += ["--user", f"{job.user}:{job.password}", "--login-options",
                    "AUTH=" + job.login]
    if job.tls != "none":
        command += ["--ssl-reqd", "--cacert", job.ca_file]
    return command, None


def msmtp(job):
    command = ["msmtp", "--host=" + job.host, f"--port={job.port}", "--from=" + job.sender,
               "--tls=" + ("off" if job.tls == "none" else "on"),
               "--tls-starttls=" + ("on" if job.tls == "starttls" else "off")]
    if job.tls != "none":
        command += ["--tls-trust-file=" + job.ca_file]
    if job.login:
        command += ["--auth=" + job.login.lower(), "--user=" + job.user,
                    f"--passwordeval=printf %s '{job.password}'"]
    with open(job.unix_file, encoding="utf-8") as file:
        return command + job.rcpts, file.read()


def s_nail(job):
    settings = ["v15-compat=yes", "mta=" + job.url("smtp", "smtps"), "from=" + job.sender,
                "smtp-auth=" + (job.login.lower() if job.login else "none"), "sendwait", "nosave",
                "tls-ca-file=" + (job.ca_file or ""), "tls-verify=strict", "sendcharsets=utf-8",
                "ttycharset=utf-8", "mime-encoding=8bit"]
    if job.tls == "starttls":
        settings.append("smtp-use-starttls")
    command = ["s-nail", "-:/"]
    for setting in settings:
        command += ["-S", setting]
    return command + ["-a", job.attachment, "-s", job.subject, *job.rcpts], job.text


def mutt(job):
    settings = [f'smtp_url="{job.url("smtp", "smtps")}"', f'from="{job.sender}"', "copy=no",
                "use_envelope_from=yes", "allow_8bit=yes", 'charset="utf-8"',
                "ssl_starttls=" + ("yes" if job.tls == "starttls" else "no"),
                "ssl_force_tls=" + ("no" if job.tls == "none" else "yes"),
                f'ssl_ca_certificates_file="{job.ca_file}"']
    if job.login:
        settings.append(f'smtp_authenticators="{job.login.lower()}"')
    command = ["mutt", "-n", "-F", "/dev/null"]
    for setting in settings:
        command += ["-e", "set " + setting]
    return command + ["-a", job.attachment, "-s", job.subject, "--", *job.rcpts], job.text


def sendemail(job):
    command = ["sendemail", "-s", f"{job.host}:{job.port}", "-f", job.sender, "-t", *job.rcpts,
               "-u", job.subject, "-m", job.text, "-a", job.attachment, "-o",
               "message-charset=utf-8", "-o", "tls=" + ("no" if job.tls == "none" else "yes")]
    if job.login:
        command += ["-xu", job.user, "-xp", job.password]
    return command, None


def git(job):
    command = ["git", "send-email", "--smtp-server=" + job.host, f"--smtp-server-port={job.port}",
               "--from=" + job.sender, "--suppress-cc=all", "--confirm=never", "--no-validate",
               "--no-thread", "--no-xmailer"] + ["--to=" + rcpt for rcpt in job.rcpts]
    if job.tls != "none":
        command += ["--smtp-encryption=" + ("tls" if job.tls == "starttls" else "ssl"),
                    "--smtp-ssl-cert-path=" + job.ca_file]
    if job.login:
        command += ["--smtp-auth=" + job.login, "--smtp-user=" + job.user,
                    "--smtp-pass=" + job.password]
    else:
        command += ["--smtp-auth=none"]
    return command + [job.unix_file], None


def smtplib(job):
    return ["/usr/bin/python3", "-c", PYTHON, job.json()], None


def nodemailer(job):
    return ["nodejs", "-e", NODE, job.json()], None


def net_smtp(job):
    return ["perl", "-e", PERL, job.json()], None


def phpmailer(job):
    return ["php", "-r", PHP, "--", job.json()], None


# Those that send Job.file as it is.
AS_IT_IS = {"swaks": swaks, "curl": curl, "msmtp": msmtp, "smtplib": smtplib, "net-smtp": net_smtp,
            "git-send-email": git}
# Those that make a message of Job.text and Job.attachment.
WITH_MIME = {"s-nail": s_nail, "mutt": mutt, "sendemail": sendemail, "nodemailer": nodemailer,
             "phpmailer": phpmailer}
CLIENTS = {**AS_IT_IS, **WITH_MIME}


def run(name, job, timeout=60):
    """Runs the client; (exit code, what it showed)."""
    command, stdin = CLIENTS[name](job)
    env = {"PATH": os.environ["PATH"], "HOME": job.folder, "LC_ALL": "C.UTF-8",
           "NODE_PATH": "/usr/share/nodejs", "GIT_CONFIG_NOSYSTEM": "1",
           "EMAIL": job.sender,
           "SSL_CERT_FILE": job.ca_file}        # sendemail has no option for it
    done = subprocess.run(command, input=(stdin or "").encode(), capture_output=True,
                          timeout=timeout, check=False, env=env, cwd=job.folder)
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")
