"""What a page's charts and tables are called where they are kept."""

from paged import page

from app.widgets import file_name


def test_a_kept_file_says_its_day_and_that_prices_are_simulated(served, home):
    home(served.home)
    assert file_name("leads") == "simulated_leads_2008-12-31"


def test_without_a_publication_the_name_is_all_there_is(tmp_path, home):
    home(tmp_path / "nothing")
    assert file_name("leads") == "leads"


def test_every_table_of_a_page_can_be_kept_in_both_forms(served, home):
    home(served.home)
    ran = page("history")
    kept = [one.label for one in ran.get("download_button")]
    assert kept.count("CSV") == kept.count("Parquet") == len(ran.get("plotly_chart")) == 2
