"""Sign-in, where the Streamlit secrets ask for it; without an [auth] there, everybody is let in."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from regime.tracking.card_text import escaped


def let_in() -> None:
    """End the script with what to do instead, unless whoever looks may see the app.

    Secrets that are there but cannot be read let nobody in.
    """
    try:
        auth, access = st.secrets.get("auth"), st.secrets.get("access", {})
    except StreamlitSecretNotFoundError:
        found = [one for one in st.get_option("secrets.files") if Path(one).exists()]
        if not found:
            return
        st.error("The secrets of this app cannot be read, so it shows nothing. Mend secrets.toml.")
        st.stop()
    if auth is None:
        return
    user = st.user.to_dict()
    if user.get("is_logged_in") is not True:
        st.title("Equity leadership", anchor=False)
        if find_spec("authlib") is None:
            st.error(
                "This app asks for a sign-in that is not installed, so it shows nothing. Run "
                "`pip install 'equity-leadership-regime[oidc]'` and start it again."
            )
            st.stop()
        st.write("Sign in to see it.")
        for provider in _providers(auth):
            label = f"Sign in with {provider}" if provider else "Sign in"
            st.button(label, on_click=st.login, args=(provider,), type="primary", key=label)
        st.stop()
    if not is_invited(user, access):
        st.error(
            f"{escaped(str(user.get('email') or 'This account'))} may not see this app. Whoever "
            "keeps it can add it to [access] in its secrets."
        )
        st.button("Sign out", on_click=st.logout)
        st.stop()


def is_invited(user: dict[str, Any], access: Any) -> bool:
    """Whether a signed-in user is among those the app is for.

    Parameters
    ----------
    user : claims of the identity provider
    access : `emails` and `domains`, lists; whoever the provider signs in where both are missing

    Notes
    -----
    An address counts only if the provider does not say that it is unverified.
    """
    if "emails" not in access and "domains" not in access:
        return not access
    email = str(user.get("email") or "").strip().lower()
    if not email or user.get("email_verified") is False:
        return False
    emails = {str(one).strip().lower() for one in access.get("emails", ())}
    domains = {str(one).strip().lower() for one in access.get("domains", ())}
    return email in emails or email.rpartition("@")[2] in domains


def _providers(auth: Any) -> list[str | None]:
    """Names of the providers to choose from; None for one without a name."""
    named = [name for name in auth if hasattr(auth[name], "keys")]
    return [None] if "client_id" in auth or not named else sorted(named)
