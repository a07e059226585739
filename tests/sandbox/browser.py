# SPDX-License-Identifier: MIT
"""The browser of a user who signs in, for tests: follows the redirect of `authorize` one step.

    Browser(box).sign_in(url)           goes to `url`, and on to where it is sent (the relay's own
                                        listener): (status, text) of the page shown in the end
    Browser(box).location(url)          only says where it would be sent; {field: value} by fields()
Who signs in, and how it ends, is set by box.set(browser_user=, browser_error=).
"""
import http.client
import ssl
import urllib.parse


class NoRedirect(Exception):
    """args: status, the page"""


class Browser:
    def __init__(self, box):
        self._context = ssl.create_default_context(cafile=box.ca_file)
        self._context.hostname_checks_common_name = False

    def get(self, url, timeout=10, headers=None):
        """(status, text, headers) of one GET, no redirect followed."""
        parts = urllib.parse.urlsplit(url)
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout,
                                                     context=self._context)
        else:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        try:
            target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
            connection.request("GET", target, headers={"User-Agent": "Mozilla/5.0",
                                                       **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read().decode(), response.headers
        finally:
            connection.close()

    def location(self, url):
        """Where `url` sends the browser. Raises NoRedirect when it shows a page instead."""
        status, text, headers = self.get(url)
        if status != 302:
            raise NoRedirect(status, text)
        return headers["Location"]

    @staticmethod
    def fields(url):
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))

    def sign_in(self, url, change=lambda location: location):
        """`change` may spoil the redirect, as an attacker's or a broken one."""
        status, text, _ = self.get(change(self.location(url)))
        return status, text
