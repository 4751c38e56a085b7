"""What a running sweep shows beside its leaderboard: how far its trials have come."""
