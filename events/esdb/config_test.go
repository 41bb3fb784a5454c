package esdb

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	config, err := parse("esdb://localhost:2113?tls=false")
	if err != nil {
		t.Fatal(err)
	}
	if config.MaxDiscoverAttempts != discoverAttempts || config.GossipTimeout != gossipSeconds || config.KeepAliveTimeout != keepAliveTimeout {
		t.Errorf("defaults: %+v", config)
	}
	config, err = parse("esdb://a:1,b:2?maxDiscoverAttempts=7&gossipTimeout=9&keepAliveTimeout=1000&defaultDeadline=250")
	if err != nil {
		t.Fatal(err)
	}
	if len(config.GossipSeeds) != 2 || config.MaxDiscoverAttempts != 7 || config.GossipTimeout != 9 ||
		config.KeepAliveTimeout != time.Second || *config.DefaultDeadline != 250*time.Millisecond {
		t.Errorf("settings: %+v", config)
	}
}

func TestParseRefusals(t *testing.T) {
	for connectionString, want := range map[string]string{
		"http://localhost":                               "scheme",
		"esdb://":                                        "host",
		"esdb://localhost?defaultDeadline=soon":          "defaultDeadline",
		"esdb://localhost?defaultDeadline=0":             "defaultDeadline",
		"esdb://localhost?gossipTimeout=5000":            "seconds",
		"esdb://localhost?maxDiscoverAttempts=0":         "maxDiscoverAttempts",
		"esdb://localhost?discoveryInterval=-1":          "discoveryInterval",
		"esdb://localhost?tls=perhaps":                   "tls",
		"esdb://admin:changeit@localhost:2113?tls=false": "credentials",
	} {
		_, err := Open(t.Context(), connectionString, Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error about %s", connectionString, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "changeit") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}
