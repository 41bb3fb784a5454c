package handlers_test

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

// elements counts the elements of a document that is well formed.
func elements(t *testing.T, document []byte) map[string]int {
	t.Helper()
	counted := make(map[string]int)
	decoder := xml.NewDecoder(strings.NewReader(string(document)))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return counted
		}
		if err != nil {
			t.Fatalf("%v in %s", err, document)
		}
		if element, ok := token.(xml.StartElement); ok {
			counted[element.Name.Local]++
		}
	}
}

func TestGrowthChart(t *testing.T) {
	_, analyst, position := grown(t)
	answer := analyst.Get("/v1/growth/chart.svg?from=2026-03-02&to=2026-03-05", "Parley-Position", position).Want(200)
	if media := answer.Header.Get("Content-Type"); media != "image/svg+xml" {
		t.Errorf("of type %s", media)
	}
	if counted := elements(t, answer.Body); counted["circle"] != 3 || counted["desc"] != 1 || counted["style"] != 1 {
		t.Errorf("it has %v", counted)
	}
	for _, part := range []string{"<title id=\"chart-title\">Users</title>", "All: 2 users at first, 3 at the end, 3 at most", ">2 Mar<", "4 Mar 2026: 3 users"} {
		if !strings.Contains(string(answer.Body), part) {
			t.Errorf("%q is not in %s", part, answer.Body)
		}
	}
	lines := analyst.Get("/v1/growth/chart.svg?product=messenger,shop,%3Cb%3E%26&measure=registered&interval=week&theme=light&width=320&height=200&from=2026-02-01").Want(200)
	if counted := elements(t, lines.Body); counted["path"] != 3 || counted["style"] != 0 {
		t.Errorf("three products have %v", counted)
	}
	for _, part := range []string{"New users each week", "&lt;b&gt;&amp; 0", "shop 1", "width=\"320\""} {
		if !strings.Contains(string(lines.Body), part) {
			t.Errorf("%q is not in %s", part, lines.Body)
		}
	}
	elements(t, analyst.Get("/v1/growth/chart.svg?from=1980-01-01&theme=dark").Want(200).Body)
	elements(t, analyst.Get("/v1/growth/chart.svg?from=1700-01-01&product=a,a,,b").Want(200).Body)
	for query, field := range map[string]string{
		"interval=year": "query.interval", "from=x": "query.from", "to=x": "query.to", "measure=x": "query.measure", "theme=x": "query.theme",
		"width=1": "query.width", "height=9999": "query.height", "product=a,b,c,d,e,f,g,h,i": "query.product",
		"from=2000-01-01&interval=day": "query.interval", "from=2026-03-02&to=2026-03-02": "query.from",
	} {
		analyst.Get("/v1/growth/chart.svg?"+query).Refused(422, field)
	}
}
