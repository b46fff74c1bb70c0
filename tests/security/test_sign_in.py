"""With [auth] in the Streamlit secrets nothing is shown or loaded before somebody has signed in."""

import json
from pathlib import Path

import pytest
from browsing import text_of
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from app import queries, sign_in
from app.sign_in import is_invited

ROOT = Path(__file__).parents[2]
AUTH = {
    "redirect_uri": "http://127.0.0.1:8501/oauth2callback", "client_id": "a", "client_secret": "b",
    "cookie_secret": "a long random text of at least thirty-two letters",
    "server_metadata_url": "http://127.0.0.1:9/.well-known/openid-configuration",
}  # fmt: skip


@pytest.fixture
def opened(monkeypatch, published):
    """Open a page of the app for somebody; what of `queries` it called besides."""
    monkeypatch.setenv("REGIME_HOME", str(published.home))
    calls = []
    kept = queries.snapshot
    monkeypatch.setattr(queries, "snapshot", lambda *day: calls.append(day) or kept(*day))

    def of(user=None, secrets=None):
        page = AppTest.from_file(str(ROOT / "app/main.py"), default_timeout=60)
        for name, value in (secrets or {}).items():
            page.secrets[name] = value
        page.user = user or {}
        page.run()
        assert not page.exception
        return page, calls

    return of


def said(page):
    return " ".join(str(one.value) for one in (*page.title, *page.markdown, *page.error))


@pytest.mark.parametrize("user", [{}, {"is_logged_in": False}, {"email": "anna@example.com"},
                                  {"is_logged_in": "true"}])  # fmt: skip
def test_whoever_is_not_signed_in_sees_a_button_and_nothing_is_loaded(opened, user):
    page, calls = opened(user, {"auth": AUTH})
    assert calls == []
    assert said(page) == "Equity leadership Sign in to see it."
    assert [one.label for one in page.button] == ["Sign in"]
    assert not page.sidebar.children


def test_whoever_is_signed_in_and_invited_sees_the_page(opened):
    user = {"is_logged_in": True, "email": "anna@example.com"}
    for access in ({}, {"access": {"emails": ["anna@example.com"]}}):
        page, calls = opened(user, {"auth": AUTH, **access})
        assert "Which companies lead?" in said(page)
        assert calls


def test_whoever_is_signed_in_but_not_invited_sees_nothing(opened):
    user = {"is_logged_in": True, "email": "<b>eve</b>@example.com"}
    page, calls = opened(user, {"auth": AUTH, "access": {"emails": ["anna@example.com"]}})
    assert calls == []
    assert "may not see this app" in said(page)
    assert "\\<b\\>eve" in said(page)
    assert [one.label for one in page.button] == ["Sign out"]


def test_a_sign_in_that_is_not_installed_lets_nobody_in(opened, monkeypatch):
    monkeypatch.setattr(sign_in, "find_spec", lambda _: None)
    page, calls = opened(secrets={"auth": AUTH})
    assert calls == []
    assert "pip install 'equity-leadership-regime[oidc]'" in said(page)
    assert not page.button


def test_several_providers_are_several_buttons(opened):
    shared = {name: AUTH[name] for name in ("redirect_uri", "cookie_secret")}
    page, _ = opened(secrets={"auth": {**shared, "okta": {"client_id": "a"},
                                       "github": {"client_id": "b"}}})  # fmt: skip
    assert [one.label for one in page.button] == ["Sign in with github", "Sign in with okta"]


def test_without_auth_in_the_secrets_everybody_is_let_in(opened):
    for secrets in (None, {"other": "1"}):
        assert "Which companies lead?" in said(opened(secrets=secrets)[0])


@pytest.mark.parametrize(
    ("user", "access", "invited"),
    [
        ({"email": "anna@example.com"}, {}, True),
        ({}, {}, True),
        ({"email": "Anna@Example.com "}, {"emails": ["anna@example.com"]}, True),
        ({"email": "anna@example.com"}, {"domains": ["EXAMPLE.com"]}, True),
        ({"email": "anna@example.com"}, {"domains": ["ample.com"]}, False),
        ({"email": "anna@example.com.evil.example"}, {"domains": ["example.com"]}, False),
        ({"email": "anna@example.com@evil.example"}, {"domains": ["example.com"]}, False),
        ({"email": "anna@example.com", "email_verified": False}, {"domains": ["example.com"]},
         False),
        ({"email": "anna@example.com"}, {"emails": []}, False),
        ({"email": "anna@example.com"}, {"email": ["anna@example.com"]}, False),
        ({}, {"emails": [""], "domains": [""]}, False),
        ({"email": None}, {"domains": ["none"]}, False),
        ({"sub": "anna@example.com"}, {"emails": ["anna@example.com"]}, False),
    ],
)  # fmt: skip
def test_an_invitation_is_by_whole_address_or_whole_domain(user, access, invited):
    assert is_invited(user, access) is invited


def written(folder, text):
    (folder / ".streamlit").mkdir(parents=True)
    (folder / ".streamlit" / "secrets.toml").write_text(text)
    return str(folder)


def toml(table):
    return "[auth]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items())


def visit(browser, address, *wanted, secret=None, origin=None):
    """The text of a page for a browser with a cookie signed by a secret, or without one."""
    with browser.new_context() as context:
        if secret is not None:
            claims = {"origin": origin or address, "is_logged_in": True, "email": "a@example.com"}
            value = create_signed_value(secret, "_streamlit_user", json.dumps(claims)).decode()
            context.add_cookies([{"name": "_streamlit_user", "value": value, "url": address}])
        page = context.new_page()
        page.goto(f"{address}/history")
        return text_of(page, *wanted)


@pytest.mark.long
def test_a_real_browser_is_shown_nothing_without_a_rightly_signed_cookie(
    browser, servers, published, tmp_path
):
    home = written(tmp_path / "user", toml(AUTH))
    address = servers.start("app", published.home, HOME=home)
    right = AUTH["cookie_secret"]
    for secret, origin in ((None, None), ("some other secret", None), (right, "http://evil.test")):
        text = visit(browser, address, "Sign in to see it.", secret=secret, origin=origin)
        assert "History" not in text
    assert "Sign in" not in visit(browser, address, "History", "hindsight", secret=right)


@pytest.mark.long
def test_secrets_that_cannot_be_read_let_nobody_in(browser, servers, published, tmp_path):
    home = written(tmp_path / "user", "[auth\n")
    address = servers.start("app", published.home, HOME=home)
    page = browser.new_page()
    page.goto(address)
    assert "Today" not in text_of(page, "so it shows nothing")
