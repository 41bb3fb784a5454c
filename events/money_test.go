package events_test

import (
	"testing"

	"parley/events"
)

func TestMoneyHasTheDecimalsOfItsCurrency(t *testing.T) {
	for _, c := range []struct {
		amount   events.Money
		currency string
		want     string
	}{
		{12845, "BRL", "128.45 BRL"},
		{5, "EUR", "0.05 EUR"},
		{-1005, "USD", "-10.05 USD"},
		{1500, "JPY", "1500 JPY"},
		{1500, "BHD", "1.500 BHD"},
		{12345, "CLF", "1.2345 CLF"},
	} {
		if got := events.FormatMoney(c.amount, c.currency); got != c.want {
			t.Errorf("%d of %s is written %q, want %q", c.amount, c.currency, got, c.want)
		}
	}
}

func TestCurrenciesAreThoseOfISO4217(t *testing.T) {
	for currency, want := range map[string]int{"EUR": 2, "MGA": 2, "KRW": 0, "TND": 3, "UYW": 4} {
		if got, known := events.Exponent(currency); !known || got != want {
			t.Errorf("%s has %d decimals (known: %v), want %d", currency, got, known, want)
		}
	}
	for _, currency := range []string{"", "eur", "EURO", "XAU", "XTS", "XXX", "BTC"} {
		if exponent, known := events.Exponent(currency); known {
			t.Errorf("%q counts as a currency with %d decimals", currency, exponent)
		}
	}
}
