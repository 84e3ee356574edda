"""Making a topic."""

from __future__ import annotations

from kafka.admin import KafkaAdminClient, NewTopic


def make_topic(servers: str, name: str) -> str:
    """Make a topic with one partition.

    Args:
        servers: The brokers, `host:port`.
        name: What to call it.

    Returns:
        The name.
    """
    admin = KafkaAdminClient(bootstrap_servers=servers)
    try:
        admin.create_topics([NewTopic(name, 1, 1)])
    finally:
        admin.close()
    return name
