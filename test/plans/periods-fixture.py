"""Five years of period starts for 200 random anchors and zones, by Python's zoneinfo: python3 periods-fixture.py > periods-fixture.json"""
import calendar
import hashlib
import json
import random
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

ZONES = [None, "America/New_York", "Europe/Berlin", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe",
         "Australia/Sydney", "Pacific/Auckland", "America/Sao_Paulo", "Asia/Tehran", "Asia/Beirut", "America/Havana",
         "Atlantic/Azores", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia"]
PERIODS = ["monthly"] * 5 + ["weekly"] * 2 + ["yearly"] * 2 + ["daily"]
YEARS = 5


def start(anchor, period, n, zone):
    """The wall clock of the anchor, n periods on; what a clock change skips is taken by the offset before it."""
    local = anchor.astimezone(zone).replace(tzinfo=None)
    if period in ("daily", "weekly"):
        local += timedelta(days=n * (1 if period == "daily" else 7))
    else:
        month = local.month - 1 + n * (1 if period == "monthly" else 12)
        year, month = local.year + month // 12, month % 12 + 1
        day = min(local.day, calendar.monthrange(year, month)[1])
        local = local.replace(year=year, month=month, day=day)
    return local.replace(tzinfo=zone, fold=0).astimezone(timezone.utc)


random.seed(2026)
rows = []
for i in range(200):
    # Every day of a month and every hour come up.
    anchor = datetime(2016 + i % 3, random.randint(1, 12), 1, random.randint(0, 23), random.choice([0, 0, 30, 59]),
                      tzinfo=timezone.utc) + timedelta(days=i % 31)
    name, period = ZONES[i % len(ZONES)], random.choice(PERIODS)
    zone = ZoneInfo(name) if name else timezone.utc
    starts, n = [], 0
    while not starts or starts[-1] < anchor + timedelta(days=365 * YEARS):
        starts.append(start(anchor, period, n, zone))
        n += 1
    text = "\n".join(each.strftime("%Y-%m-%dT%H:%M:%SZ") for each in starts)
    rows.append([name, period, starts[0].strftime("%Y-%m-%dT%H:%M:%SZ"), len(starts),
                 hashlib.sha256(text.encode()).hexdigest()[:16]])
print("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]")
