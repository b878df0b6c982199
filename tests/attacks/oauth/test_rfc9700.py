"""Which test keeps which point of RFC 9700 (Best Current Practice for OAuth 2.0 Security)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent

POINTS: dict[str, tuple[str, ...]] = {
    "2.1 redirect URIs are compared letter for letter": (
        "test_authorization_requests.py::test_a_request_of_somebody_else_goes_nowhere",
        "test_code_flow.py::test_a_code_is_good_for_its_own_request_only",
    ),
    "2.1 no open redirector": (
        "test_consent_page.py::test_where_the_browser_goes_is_fixed_before_anybody_signs_in",
        "test_registration.py::test_a_redirect_that_could_leak_a_code_is_refused",
    ),
    "2.1 forged requests": (
        "test_authorization_requests.py::test_a_wrong_request_over_the_browser_is_told_to_the_client",
    ),
    "2.1 mix-up of servers: iss (RFC 9207) on answers and errors": (
        "test_code_flow.py::test_a_client_gets_what_the_customer_allows",
        "test_authorization_requests.py::test_a_wrong_request_over_the_browser_is_told_to_the_client",
        "test_consent_page.py::test_a_customer_who_refuses_is_believed_at_once_and_before_signing_in",
    ),
    "2.1.1 PKCE, with S256": (
        "test_authorization_requests.py::test_a_wrong_request_is_not_taken_by_par",
        "test_code_flow.py::test_a_token_request_with_too_little_or_too_much_is_refused",
    ),
    "2.1.2 no implicit grant": (
        "test_authorization_requests.py::test_a_wrong_request_over_the_browser_is_told_to_the_client",
    ),
    "2.2.1 access tokens are bound to their sender": (
        "test_dpop.py::test_a_stolen_token_is_of_no_use_with_the_thiefs_key",
        "test_dpop.py::test_a_bad_proof_opens_no_resource",
        "test_dpop.py::test_a_bound_token_is_no_bearer_token",
    ),
    "2.2.2 refresh tokens of public clients are bound and rotated": (
        "test_code_flow.py::test_a_public_clients_refresh_token_is_replaced_and_bound",
        "test_code_flow.py::test_a_replaced_refresh_token_that_comes_late_ends_the_family",
        "test_code_flow.py::test_a_public_client_without_a_proof_gets_no_refresh_token",
        "test_races.py::test_one_refresh_token_has_one_successor",
    ),
    "2.3 tokens are good for as little as was asked": (
        "test_code_flow.py::test_a_refreshed_token_is_good_for_no_more_than_was_allowed",
        "test_code_flow.py::test_another_resource_is_refused",
        "test_authorization_requests.py::test_the_grant_of_a_client_itself_takes_no_mandate",
    ),
    "2.4 no password grant": ("../test_oauth.py::test_another_grant_is_refused",),
    "2.5 clients authenticate with keys": (
        "test_client_authentication.py::test_a_forged_assertion_authenticates_nobody",
        "test_client_authentication.py::test_an_assertion_is_good_once",
        "test_client_authentication.py::test_two_ways_at_once_are_refused",
        "test_races.py::test_one_assertion_authenticates_once",
    ),
    "2.6 metadata": ("test_introspection_and_revocation.py::test_the_metadata_name_every_endpoint_and_each_is_there",),
    "2.6 no CORS at the authorization endpoint": (
        "test_authorization_requests.py::test_no_script_of_another_site_reads_the_authorization_endpoint",
    ),
    "4.1 insufficient redirect URI validation": (
        "test_authorization_requests.py::test_a_request_of_somebody_else_goes_nowhere",
        "test_registration.py::test_a_redirect_that_could_leak_a_code_is_refused",
    ),
    "4.2 leaks by the Referer header": (
        "test_consent_page.py::test_the_page_cannot_be_framed_kept_or_followed",
        "test_code_flow.py::test_a_code_that_comes_twice_ends_all_that_came_of_it",
    ),
    "4.3 leaks by the history of a browser": (
        "../test_oauth.py::test_a_token_counts_in_the_header_only",
        "../test_oauth.py::test_only_post_gives_tokens",
        "test_consent_page.py::test_no_secret_stands_in_an_address_of_the_bank",
        "test_devices.py::test_a_code_in_an_address_is_not_taken",
    ),
    "4.4 mix-up": ("test_independent_clients.py::test_a_client_of_fapi_goes_the_whole_way",),
    "4.5 a code that is injected": (
        "test_code_flow.py::test_a_code_is_good_for_its_own_request_only",
        "test_code_flow.py::test_a_code_is_of_no_use_to_another_client",
        "test_code_flow.py::test_a_code_is_bound_to_the_key_that_was_named_when_it_was_asked_for",
        "test_code_flow.py::test_a_code_that_comes_twice_ends_all_that_came_of_it",
        "test_races.py::test_one_code_gives_one_token",
    ),
    "4.6 an access token that is injected": (
        "test_code_flow.py::test_nothing_is_good_in_anothers_place",
        "test_introspection_and_revocation.py::test_of_what_is_no_token_of_ones_own_there_is_nothing_to_tell",
    ),
    "4.7 forged requests": (
        "test_consent_page.py::test_a_form_that_is_not_of_the_page_does_nothing",
        "test_consent_page.py::test_a_form_of_another_site_does_nothing",
        "test_consent_page.py::test_the_cookie_of_one_request_opens_no_other",
    ),
    "4.8 PKCE left out": (
        "test_authorization_requests.py::test_a_wrong_request_is_not_taken_by_par",
        "test_code_flow.py::test_a_token_request_with_too_little_or_too_much_is_refused",
    ),
    "4.9 tokens that leak at a resource": (
        "test_dpop.py::test_a_proof_needs_the_hash_of_its_token_at_a_resource",
        "test_dpop.py::test_a_proof_opens_a_resource_once",
        "test_races.py::test_one_proof_opens_a_resource_once",
    ),
    "4.10 stolen tokens": (
        "test_dpop.py::test_a_stolen_token_is_of_no_use_with_the_thiefs_key",
        "test_introspection_and_revocation.py::test_a_revoked_token_opens_nothing_at_once",
        "test_code_flow.py::test_a_consent_that_is_revoked_kills_its_tokens_at_the_next_request",
    ),
    "4.11 open redirection by the server": (
        "test_authorization_requests.py::test_a_request_of_somebody_else_goes_nowhere",
        "test_authorization_requests.py::test_an_unknown_request_uri_is_refused_and_nothing_is_fetched",
    ),
    "4.12 no redirect that takes the form along (307)": (
        "test_consent_page.py::test_the_cookie_is_the_browsers_own_and_changes_with_the_sign_in",
    ),
    "4.13 what a proxy says": ("test_dpop.py::test_a_hostile_host_header_changes_nothing",),
    "4.14 refresh tokens": (
        "test_code_flow.py::test_a_refresh_token_is_of_no_use_to_another_client",
        "test_code_flow.py::test_a_replaced_refresh_token_that_comes_late_ends_the_family",
        "test_code_flow.py::test_ending_a_client_ends_what_customers_have_allowed_it",
    ),
    "4.15 a client that poses as a customer": (
        "test_code_flow.py::test_partners_know_a_customer_by_different_names",
        "test_registration.py::test_members_that_nobody_knows_are_left_out",
    ),
    "4.16 clickjacking": ("test_consent_page.py::test_the_page_cannot_be_framed_kept_or_followed",),
    "4.17 windows that talk to each other: not offered": (
        "test_authorization_requests.py::test_a_wrong_request_over_the_browser_is_told_to_the_client",
    ),
}


@pytest.mark.parametrize("point", POINTS)
def test_each_point_is_kept_by_tests_that_are_there(point: str) -> None:
    assert re.match(r"[24]\.[0-9]+(\.[0-9])? ", point)
    for place in POINTS[point]:
        file, _, name = place.partition("::")
        assert f"\ndef {name}(" in (HERE / file).read_text(encoding="utf-8"), place
