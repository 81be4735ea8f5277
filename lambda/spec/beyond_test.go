package spec_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// What README says of buckets that no function empties within an hour is computed from these.
const (
	// Deletions a second in each partition of a bucket, by which every key of a batch counts. Sources: S3 User Guide, Best
	// practices design patterns; Hadoop, BulkDelete.
	deletionsPerSecond = 3500

	manyPartitions = 4
	pageSize       = 1000      // entries of one ListObjectVersions at most (S3 API Reference)
	waits          = time.Hour // of CloudFormation, for a custom resource (CloudFormation User Guide, ServiceTimeout)
	runs           = 3         // that a deletion has at most: Lambda's first delivery of an event, and the two after an error
	ofRun          = 15 * time.Minute
	empties        = ofRun - 30*time.Second // of a run: the rest is for the looks, the access and the answer
	entrySize      = 1 << 20                // bytes
	untilExpiry    = 3 * day                // by the rules, in a versioned bucket; TestBeyondAnHour counts the nights

	// Dollars in us-east-1, for S3 Standard. Source: the price list of AWS for AmazonS3, version 20260928230416, and that
	// DELETE is free, aws.amazon.com/s3/pricing.
	pricesOf       = "28 September 2026"
	listPrice      = 0.005 / 1000
	day, monthDays = 24 * time.Hour, 365. / 12
)

// storagePrices are dollars for a GB and month, each up to a number of TB.
var storagePrices = []struct{ upToTB, price float64 }{{50, 0.023}, {500, 0.022}, {math.Inf(1), 0.021}}

// beyondText is the beginning of README's "Beyond an hour".
func beyondText() string {
	inTime := func(partitions float64) string {
		return count(deletionsPerSecond * partitions * runs * empties.Seconds())
	}
	var b strings.Builder
	fmt.Fprintf(&b, `CloudFormation waits %g hour for a deletion, and %d runs of %g minutes fit into it. S3 promises
[%s deletions a second](https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html) in each
partition of a bucket, and
[counts every key of a batch](https://hadoop.apache.org/docs/current/api/org/apache/hadoop/fs/BulkDelete.html). That makes
%s entries (objects, versions and delete markers) in these runs with one partition, and %s with %d; S3
divides a bucket by itself while its traffic is high. A bucket that holds more takes several deletions with `+"`Purge`"+`: each
fails when its time is over, and the next goes on with the rest. Or lifecycle rules empty it. That takes S3 days, and costs
no requests:

| entries of %d MB | `+"`Purge`"+` at that rate, one partition | %d partitions | its LIST requests | rules, versioned bucket | storage until then |
| --- | --- | --- | --- | --- | --- |
`, waits.Hours(), runs, ofRun.Minutes(), count(deletionsPerSecond), inTime(1), inTime(manyPartitions), manyPartitions, entrySize>>20, manyPartitions)
	for _, entries := range []float64{1e6, 100e6, 10e9} {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", count(entries),
			span(entries/deletionsPerSecond), span(entries/deletionsPerSecond/manyPartitions), dollars(entries/pageSize*listPrice),
			span(untilExpiry.Seconds()), dollars(storage(entries*entrySize, untilExpiry)))
	}
	tiers := storagePrices
	fmt.Fprintf(&b, `
The prices are those of S3 Standard in us-east-1, as of [%s](https://aws.amazon.com/s3/pricing/): $%g for
1,000 LIST requests, nothing for DELETE, and $%g a month for a GB of storage, $%g beyond %g TB and $%g beyond %g TB.
What has expired costs no storage, even while S3 has not removed it yet. Other storage classes have
[a shortest time](https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-expire-general-considerations.html) that is
paid for in any case.
`, pricesOf, 1000*listPrice, tiers[0].price, tiers[1].price, tiers[0].upToTB, tiers[2].price, tiers[1].upToTB)
	return b.String()
}

// storage is what bytes cost for a time.
func storage(bytes float64, time time.Duration) (dollars float64) {
	from, gigabytes := 0., bytes/(1<<30)
	for _, tier := range storagePrices {
		to := min(gigabytes, tier.upToTB*1024)
		dollars += max(0, to-from) * tier.price
		from = to
	}
	return dollars * time.Hours() / day.Hours() / monthDays
}

// dollars is an amount of them, to the cent where that matters.
func dollars(amount float64) string {
	switch {
	case amount < 0.01:
		return fmt.Sprintf("$%g", amount)
	case amount < 10:
		return fmt.Sprintf("$%.2f", amount)
	}
	return "$" + count(math.Round(amount))
}

// span is a time in its largest unit, with a digit after the point where it is short.
func span(seconds float64) string {
	unit, name := 60., "minutes"
	switch {
	case seconds >= day.Seconds():
		unit, name = day.Seconds(), "days"
	case seconds >= time.Hour.Seconds():
		unit, name = time.Hour.Seconds(), "hours"
	}
	return short(seconds/unit) + " " + name
}

// count is a number in words where it is large, and with commas.
func count(n float64) string {
	switch {
	case n >= 1e9:
		return short(n/1e9) + " billion"
	case n >= 1e6:
		return short(n/1e6) + " million"
	}
	digits := strconv.Itoa(int(n))
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// short is a number with one digit after the point, and none where that is zero or the number is long.
func short(n float64) string {
	if n < 100 {
		n = math.Round(n*10) / 10
	}
	return strconv.FormatFloat(n, 'g', 3, 64)
}
