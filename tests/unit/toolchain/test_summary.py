"""What `make up` says at its end."""

from __future__ import annotations

from toolchain.summary import text

OUTPUTS_TEXT = """
Running:
  web page         http://10.77.0.100/              through the virtual IP, which one of the balancers holds
  virtual IP       10.77.0.100
  app1             10.77.0.13                       web server, key-value store
  edge1            10.77.0.11                       balancer
"""


def test_it_lists_what_runs_where_and_leaves_out_what_the_stack_does_not_have() -> None:
    said = text(
        {
            "hosts": {
                "edge1": {"address": "10.77.0.11", "duties": ["balancer"]},
                "app1": {"address": "10.77.0.13", "duties": ["web server", "key-value store"]},
            },
            "virtual_ip": "10.77.0.100",
            "web_url": "http://10.77.0.100/",
        }
    )
    assert said.startswith(OUTPUTS_TEXT)
    assert "make down" in said.split("Look inside:")[1]


def test_it_says_how_to_get_the_statistics_password_and_never_the_password() -> None:
    said = text({"statistics_url": "http://10.77.0.11:8404/", "statistics_user": "operator"})
    line = next(line for line in said.splitlines() if "statistics page" in line)
    assert line.endswith("user operator, password: pulumi stack output statistics_password --show-secrets")
