package events

import (
	"fmt"
	"strings"
)

// Money is an amount in the minor units of a currency: cents of EUR, yen of
// JPY, fils of BHD. How many decimals that is, Exponent tells.
type Money = int64

// twoDecimals, noDecimals, threeDecimals and fourDecimals are the currencies of
// ISO 4217 by their exponent. Codes without minor units, such as gold and
// those for tests, are no currencies here.
const (
	noDecimals    = `BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF`
	threeDecimals = `BHD IQD JOD KWD LYD OMR TND`
	fourDecimals  = `CLF UYW`
	twoDecimals   = `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD
		CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ
		GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT
		MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD
		SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED
		VES WST XCD XCG YER ZAR ZMW ZWG`
)

var exponents = func() map[string]int {
	all := make(map[string]int, 180)
	for exponent, codes := range []string{noDecimals, 1: "", twoDecimals, threeDecimals, fourDecimals} {
		for _, code := range strings.Fields(codes) {
			all[code] = exponent
		}
	}
	return all
}()

// Exponent is how many decimals a currency's minor units are, as ISO 4217 has
// it; the boolean is false for what is no currency.
func Exponent(currency string) (int, bool) {
	exponent, known := exponents[currency]
	return exponent, known
}

// FormatMoney writes an amount for people: 128.45 BRL.
func FormatMoney(amount Money, currency string) string {
	sign := ""
	if amount < 0 {
		sign, amount = "-", -amount
	}
	exponent := exponents[currency]
	unit := Money(1)
	for range exponent {
		unit *= 10
	}
	if exponent == 0 {
		return fmt.Sprintf("%s%d %s", sign, amount, currency)
	}
	return fmt.Sprintf("%s%d.%0*d %s", sign, amount/unit, exponent, amount%unit, currency)
}
