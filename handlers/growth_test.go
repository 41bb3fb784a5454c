package handlers_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/projections"
)

// grown is a house into which two people came by messenger on the first day,
// and one by shop on the third. One of the first two started a conversation on
// the first day and spoke on the third; the others were registered by an
// operator, and did nothing themselves.
func grown(t *testing.T) (*handlertest.House, *handlertest.Client, string) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	h.Person("bob")
	room := ada.Start("group")
	h.Clock.Advance(48 * time.Hour)
	h.Scoped(handlers.Operator).Post("/v1/users", `{"handle":"cleo","displayName":"C","product":"shop"}`).Want(201)
	last := ada.Say(room, "hello")
	return h, h.Scoped(handlers.Analyst), last.Position()
}

func TestGrowth(t *testing.T) {
	_, analyst, position := grown(t)
	var series projections.GrowthSeries
	analyst.Get("/v1/growth?from=2026-03-02&to=2026-03-05", "Parley-Position", position).Want(200).Into(&series)
	day := func(d int) time.Time { return time.Date(2026, 3, d, 0, 0, 0, 0, time.UTC) }
	want := projections.GrowthSeries{
		From: day(2), To: day(5), Interval: projections.Day,
		Points: []projections.GrowthPoint{
			{Start: day(2), Users: 2, Registered: 2, Active: 1},
			{Start: day(3), Users: 2},
			{Start: day(4), Users: 3, Registered: 1, Active: 1},
		},
	}
	if diff := cmp.Diff(want, series); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var shop projections.GrowthSeries
	analyst.Get("/v1/growth?interval=month&product=shop&from=2026-03-01&to=2026-04-01").Want(200).Into(&shop)
	if len(shop.Points) != 1 || shop.Points[0].Users != 1 || shop.Product != "shop" {
		t.Errorf("the shop grew %+v", shop)
	}
}

func TestGrowthAsCSV(t *testing.T) {
	_, analyst, position := grown(t)
	answer := analyst.Get("/v1/growth/ranking?from=2026-03-03&to=2026-03-05T00:00:00Z&format=csv", "Parley-Position", position).Want(200)
	if diff := cmp.Diff("product,users,added,growthPercent\nshop,1,1,\nmessenger,2,0,0\n", string(answer.Body)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if media := answer.Header.Get("Content-Type"); media != "text/csv; charset=utf-8; header=present" {
		t.Errorf("of type %s", media)
	}
	answer = analyst.Get("/v1/growth/summary?since=2026-03-03&asOf=2026-03-05&format=csv").Want(200)
	want := "asOf,users,since,usersSince,added,growthPercent\n2026-03-05T00:00:00Z,3,2026-03-03T00:00:00Z,2,1,50\n"
	if diff := cmp.Diff(want, string(answer.Body)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestGrowthSummary(t *testing.T) {
	_, analyst, position := grown(t)
	var summary projections.GrowthSummary
	analyst.Get("/v1/growth/summary", "Parley-Position", position).Want(200).Into(&summary)
	now := handlertest.Began.Add(48 * time.Hour)
	want := projections.GrowthSummary{AsOf: now, Users: 3, Since: now.Add(-30 * 24 * time.Hour), Added: 3}
	if diff := cmp.Diff(want, summary); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestGrowthRefusals(t *testing.T) {
	_, analyst, position := grown(t)
	for path, field := range map[string]string{
		"/v1/growth?from=yesterday":                                    "query.from",
		"/v1/growth?to=2026-13-01":                                     "query.to",
		"/v1/growth?interval=hour":                                     "query.interval",
		"/v1/growth?format=xml":                                        "query.format",
		"/v1/growth?from=2026-03-05&to=2026-03-01":                     "query.from",
		"/v1/growth?from=0001-01-01&to=9999-12-31":                     "query.from",
		"/v1/growth/summary?since=2026-03-05&asOf=2026-03-01":          "query.since",
		"/v1/growth/summary?since=x":                                   "query.since",
		"/v1/growth/ranking?from=2026-03-05&to=2026-03-01":             "query.from",
		"/v1/growth/ranking?from=2026-03-05T25:00:00Z":                 "query.from",
		"/v1/growth?product=" + "abcdefghijklmnopqrstuvwxyz0123456789": "query.product",
	} {
		analyst.Get(path, "Parley-Position", position).Refused(422, field)
	}
}

func TestGrowthRetention(t *testing.T) {
	_, analyst, position := grown(t)
	var retention projections.GrowthRetention
	analyst.Get("/v1/growth/retention?from=2026-03-01&interval=month&product=messenger", "Parley-Position", position).Want(200).Into(&retention)
	if len(retention.Cohorts) != 1 || retention.Cohorts[0].Users != 2 || *retention.Cohorts[0].Retained[0].Percent != 50 {
		t.Errorf("retention: %+v", retention)
	}
	answer := analyst.Get("/v1/growth/retention?to=2026-03-05&from=2026-03-02&asOf=2026-03-12&format=csv").Want(200)
	want := "start,users,later,active,percent\n2026-03-02T00:00:00Z,3,0,1,33.333333333333336\n2026-03-02T00:00:00Z,3,1,0,0\n"
	if diff := cmp.Diff(want, string(answer.Body)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for query, field := range map[string]string{
		"interval=day": "query.interval", "from=x": "query.from", "to=x": "query.to", "asOf=x": "query.asOf",
		"from=2026-03-05&to=2026-03-05": "query.from", "to=2026-03-05&asOf=2026-03-04": "query.from", "from=1000-01-01": "query.from",
	} {
		analyst.Get("/v1/growth/retention?"+query).Refused(422, field)
	}
}
