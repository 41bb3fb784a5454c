package handlers_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"parley/handlers"
	"parley/handlers/handlertest"
)

// expected are the statuses that the kinds of callers are answered with. All
// tokens that are not accepted share one.
type expected struct {
	nobody, stranger, participant, operator, analyst, auditor, rejected int
}

// row is one route of the table: a request that is in order, and who may make
// it. In path and body, {n} is a number that no other request has.
type row struct {
	path, body string
	expected
}

var (
	everybody    = expected{200, 200, 200, 200, 200, 200, 200}
	signedInOnly = expected{401, 200, 200, 200, 200, 200, 401}
	inIt         = func(status int) expected { return expected{401, 404, status, 403, 403, 403, 401} }
	usersOnly    = func(status int) expected { return expected{401, status, status, 403, 403, 403, 401} }
	operators    = func(status int) expected { return expected{401, 403, 403, status, 403, 403, 401} }
	analysts     = expected{401, 403, 403, 403, 200, 403, 401}
	auditors     = expected{401, 403, 403, 403, 403, 200, 401}
	appOwner     = expected{401, 403, 200, 403, 403, 403, 401}
)

// routeTable has a row for every route there is.
var routeTable = map[string]row{
	"POST /v1/users":        {"/v1/users", `{"handle":"h{n}","displayName":"N"}`, operators(201)},
	"GET /v1/users":         {"/v1/users?handle=ada", "", signedInOnly},
	"GET /v1/users/{id}":    {"/v1/users/{participant}", "", signedInOnly},
	"DELETE /v1/users/{id}": {"/v1/users/{leaver}", "", expected{401, 403, 403, 204, 403, 403, 401}},
	"PATCH /v1/users/{id}":  {"/v1/users/{participant}", `{"displayName":"N{n}"}`, expected{401, 403, 200, 200, 403, 403, 401}},

	"PUT /v1/users/{id}/block":    {"/v1/users/{newcomer}/block", "", usersOnly(204)},
	"DELETE /v1/users/{id}/block": {"/v1/users/{newcomer}/block", "", usersOnly(204)},
	"GET /v1/users/me":            {"/v1/users/me", "", usersOnly(200)},
	"GET /v1/users/me/blocks":     {"/v1/users/me/blocks", "", usersOnly(200)},

	"POST /v1/conversations":                                            {"/v1/conversations", `{"kind":"group","participants":[]}`, usersOnly(201)},
	"GET /v1/conversations":                                             {"/v1/conversations", "", usersOnly(200)},
	"GET /v1/conversations/{id}":                                        {"/v1/conversations/{room}", "", inIt(200)},
	"PATCH /v1/conversations/{id}":                                      {"/v1/conversations/{room}", `{"title":"T{n}"}`, inIt(204)},
	"GET /v1/conversations/{id}/participants":                           {"/v1/conversations/{room}/participants", "", inIt(200)},
	"PUT /v1/conversations/{id}/participants/{user}/role":               {"/v1/conversations/{room}/participants/{participant}/role", `{"role":"owner"}`, inIt(204)},
	"POST /v1/conversations/{id}/participants":                          {"/v1/conversations/{room}/participants", `{"userId":"{participant}"}`, inIt(204)},
	"DELETE /v1/conversations/{id}/participants/{user}":                 {"/v1/conversations/{room}/participants/{newcomer}", "", inIt(204)},
	"POST /v1/conversations/{id}/messages":                              {"/v1/conversations/{room}/messages", `{"text":"{n}"}`, inIt(201)},
	"GET /v1/conversations/{id}/messages":                               {"/v1/conversations/{room}/messages", "", inIt(200)},
	"GET /v1/conversations/{id}/messages/{number}":                      {"/v1/conversations/{room}/messages/0", "", inIt(200)},
	"PATCH /v1/conversations/{id}/messages/{number}":                    {"/v1/conversations/{room}/messages/0", `{"text":"{n}"}`, inIt(200)},
	"DELETE /v1/conversations/{id}/messages/{number}":                   {"/v1/conversations/{room}/messages/1", "", inIt(204)},
	"GET /v1/conversations/{id}/messages/{number}/history":              {"/v1/conversations/{room}/messages/0/history", "", expected{401, 404, 200, 403, 403, 200, 401}},
	"POST /v1/conversations/{id}/messages/{number}/forward":             {"/v1/conversations/{room}/messages/0/forward", `{"to":"{room}"}`, inIt(201)},
	"PUT /v1/conversations/{id}/messages/{number}/reactions/{emoji}":    {"/v1/conversations/{room}/messages/0/reactions/%F0%9F%91%8D", "", inIt(204)},
	"DELETE /v1/conversations/{id}/messages/{number}/reactions/{emoji}": {"/v1/conversations/{room}/messages/0/reactions/%F0%9F%91%8D", "", inIt(204)},
	"PUT /v1/conversations/{id}/messages/{number}/pin":                  {"/v1/conversations/{room}/messages/0/pin", "", inIt(204)},
	"DELETE /v1/conversations/{id}/messages/{number}/pin":               {"/v1/conversations/{room}/messages/0/pin", "", inIt(204)},
	"POST /v1/conversations/{id}/messages/{number}/report":              {"/v1/conversations/{room}/messages/2/report", `{"reason":"spam"}`, inIt(200)},
	"PUT /v1/conversations/{id}/delivered":                              {"/v1/conversations/{room}/delivered", `{"upTo":0}`, inIt(204)},
	"PUT /v1/conversations/{id}/mute":                                   {"/v1/conversations/{room}/mute", `{"until":"2026-04-01T00:00:00Z"}`, inIt(204)},
	"DELETE /v1/conversations/{id}/mute":                                {"/v1/conversations/{room}/mute", "", inIt(204)},
	"PUT /v1/conversations/{id}/archive":                                {"/v1/conversations/{room}/archive", "", inIt(204)},
	"DELETE /v1/conversations/{id}/archive":                             {"/v1/conversations/{room}/archive", "", inIt(204)},
	"PUT /v1/conversations/{id}/read":                                   {"/v1/conversations/{room}/read", `{"upTo":0}`, inIt(204)},

	"POST /v1/media":         {"/v1/media", "file {n}", usersOnly(201)},
	"POST /v1/media/links":   {"/v1/media/links", `{"media":["{media}"]}`, expected{401, 404, 200, 403, 403, 403, 401}},
	"GET /v1/media/{digest}": {"/v1/media/{media}", "", expected{401, 404, 200, 404, 404, 404, 401}},

	"GET /v1/search":                                {"/v1/search?q=hello", "", usersOnly(200)},
	"GET /v1/sync":                                  {"/v1/sync", "", usersOnly(200)},
	"POST /v1/conversations/{id}/typing":            {"/v1/conversations/{room}/typing", "", inIt(204)},
	"GET /v1/conversations/{id}/presence":           {"/v1/conversations/{room}/presence", "", inIt(200)},
	"GET /v1/stream":                                {"/v1/stream", "", usersOnly(200)},
	"GET /v1/conversations/{id}/stream":             {"/v1/conversations/{room}/stream", "", inIt(200)},
	"POST /v1/apps":                                 {"/v1/apps", `{"name":"N{n}"}`, usersOnly(201)},
	"GET /v1/apps":                                  {"/v1/apps", "", signedInOnly},
	"GET /v1/apps/ranking":                          {"/v1/apps/ranking", "", signedInOnly},
	"GET /v1/apps/{id}":                             {"/v1/apps/{app}", "", signedInOnly},
	"PATCH /v1/apps/{id}":                           {"/v1/apps/{app}", `{"name":"N{n}"}`, appOwner},
	"POST /v1/apps/{id}/publish":                    {"/v1/apps/{app}/publish", "", appOwner},
	"POST /v1/apps/{id}/secret":                     {"/v1/apps/{app}/secret", "", appOwner},
	"POST /v1/apps/{id}/suspend":                    {"/v1/apps/{otherApp}/suspend", `{"reason":"R{n}"}`, operators(200)},
	"POST /v1/apps/{id}/resume":                     {"/v1/apps/{otherApp}/resume", "", operators(200)},
	"GET /v1/apps/{id}/icon":                        {"/v1/apps/{app}/icon", "", expected{200, 200, 200, 200, 200, 200, 401}},
	"GET /v1/apps/{id}/usage":                       {"/v1/apps/{app}/usage", "", expected{401, 403, 200, 200, 200, 403, 401}},
	"PUT /v1/apps/{id}/webhook":                     {"/v1/apps/{app}/webhook", `{"url":"{receiver}","verifyToken":"vogel"}`, appOwner},
	"GET /v1/apps/{id}/webhook":                     {"/v1/apps/{app}/webhook", "", appOwner},
	"DELETE /v1/apps/{id}/webhook":                  {"/v1/apps/{otherApp}/webhook", "", expected{401, 403, 204, 403, 403, 403, 401}},
	"POST /v1/conversations/{id}/buttons":           {"/v1/conversations/{business}/buttons", `{"payload":"P{n}"}`, expected{401, 404, 422, 403, 403, 403, 401}},
	"GET /v1/conversations/{id}/pages":              {"/v1/conversations/{room}/pages", "", inIt(200)},
	"GET /v1/conversations/{id}/control":            {"/v1/conversations/{business}/control", "", inIt(200)},
	"PUT /v1/conversations/{id}/control":            {"/v1/conversations/{business}/control", `{"appId":null}`, inIt(200)},
	"GET /v1/merchants/{id}/apps":                   {"/v1/merchants/{merchant}/apps", "", inIt(200)},
	"PUT /v1/merchants/{id}/apps/{app}":             {"/v1/merchants/{merchant}/apps/{app}", "", inIt(200)},
	"DELETE /v1/merchants/{id}/apps/{app}":          {"/v1/merchants/{merchant}/apps/{app}", "", inIt(204)},
	"GET /v1/apps/{id}/deliveries":                  {"/v1/apps/{app}/deliveries", "", appOwner},
	"GET /v1/apps/{id}/deliveries/stream":           {"/v1/apps/{app}/deliveries/stream", "", appOwner},
	"POST /v1/apps/{id}/deliveries/replay":          {"/v1/apps/{app}/deliveries/replay", `{"from":1,"to":9}`, expected{401, 403, 409, 403, 403, 403, 401}},
	"POST /v1/apps/{id}/deliveries/{number}/replay": {"/v1/apps/{app}/deliveries/1/replay", "", expected{401, 403, 409, 403, 403, 403, 401}},
	"GET /v1/conversations/{id}/apps":               {"/v1/conversations/{room}/apps", "", inIt(200)},
	"PUT /v1/conversations/{id}/apps/{app}":         {"/v1/conversations/{room}/apps/{app}", "", inIt(204)},
	"DELETE /v1/conversations/{id}/apps/{app}":      {"/v1/conversations/{room}/apps/{app}", "", inIt(204)},
	"POST /v1/conversations/{id}/attachments":       {"/v1/conversations/{room}/attachments", `{"attachments":[{"media":"{media}"}]}`, expected{401, 403, 403, 403, 403, 403, 401}},

	"POST /v1/merchants":                         {"/v1/merchants", `{"name":"M{n}"}`, expected{401, 201, 201, 201, 403, 403, 401}},
	"GET /v1/merchants":                          {"/v1/merchants", "", usersOnly(200)},
	"GET /v1/merchants/{id}":                     {"/v1/merchants/{merchant}", "", signedInOnly},
	"GET /v1/merchants/{id}/agents":              {"/v1/merchants/{merchant}/agents", "", expected{401, 404, 200, 200, 403, 403, 401}},
	"POST /v1/merchants/{id}/agents":             {"/v1/merchants/{merchant}/agents", `{"userId":"{participant}","role":"owner"}`, expected{401, 404, 204, 204, 403, 403, 401}},
	"DELETE /v1/merchants/{id}/agents/{user}":    {"/v1/merchants/{merchant}/agents/{newcomer}", "", expected{401, 404, 204, 204, 403, 403, 401}},
	"POST /v1/merchants/{id}/customers":          {"/v1/merchants/{merchant}/customers", `{"consent":"yes {n}"}`, expected{401, 201, 201, 403, 403, 403, 401}},
	"DELETE /v1/merchants/{id}/customers/{user}": {"/v1/merchants/{other}/customers/{participant}", "", expected{401, 403, 204, 403, 403, 403, 401}},
	"GET /v1/merchants/{id}/customers":           {"/v1/merchants/{merchant}/customers", "", inIt(200)},
	"GET /v1/merchants/{id}/customers/{user}":    {"/v1/merchants/{merchant}/customers/{newcomer}", "", inIt(200)},
	"GET /v1/merchants/{id}/conversations":       {"/v1/merchants/{merchant}/conversations", "", inIt(200)},
	"GET /v1/merchants/{id}/cases":               {"/v1/merchants/{merchant}/cases", "", inIt(200)},
	"GET /v1/merchants/{id}/service":             {"/v1/merchants/{merchant}/service", "", inIt(200)},
	"POST /v1/merchants/{id}/orders":             {"/v1/merchants/{merchant}/orders", `{"customerId":"{newcomer}","currency":"EUR","total":100}`, inIt(201)},
	"POST /v1/merchants/{id}/offers":             {"/v1/merchants/{merchant}/offers", `{"customerId":"{newcomer}","currency":"EUR","total":100}`, inIt(201)},
	"GET /v1/merchants/{id}/orders":              {"/v1/merchants/{merchant}/orders", "", inIt(200)},
	"POST /v1/merchants/{id}/updates":            {"/v1/merchants/{merchant}/updates", `{"updates":[{"number":"7","type":"delayed","estimatedDelivery":"2027-01-01T00:00:00Z"}]}`, inIt(200)},
	"GET /v1/orders":                             {"/v1/orders", "", usersOnly(200)},
	"GET /v1/orders/{id}":                        {"/v1/orders/{order}", "", inIt(200)},
	"POST /v1/orders/{id}/updates":               {"/v1/orders/{order}/updates", `{"type":"delayed","estimatedDelivery":"2027-01-01T00:00:00Z"}`, inIt(201)},
	"POST /v1/orders/{id}/requests":              {"/v1/orders/{bought}/requests", `{"type":"buy"}`, expected{401, 403, 201, 403, 403, 403, 401}},
	"POST /v1/conversations/{id}/cases":          {"/v1/conversations/{business}/cases", `{"subject":"It leaks"}`, inIt(201)},
	"GET /v1/conversations/{id}/cases":           {"/v1/conversations/{business}/cases", "", inIt(200)},
	"GET /v1/cases/{id}":                         {"/v1/cases/{case}", "", inIt(200)},
	"PATCH /v1/cases/{id}":                       {"/v1/cases/{case}", `{"answer":"we see {n}"}`, inIt(200)},

	"GET /v1/reports":               {"/v1/reports?open=true", "", operators(200)},
	"POST /v1/reports/{id}/resolve": {"/v1/reports/{report}/resolve", `{"outcome":"upheld"}`, operators(200)},

	"GET /v1/growth":                  {"/v1/growth", "", analysts},
	"GET /v1/growth/summary":          {"/v1/growth/summary", "", analysts},
	"GET /v1/growth/ranking":          {"/v1/growth/ranking", "", analysts},
	"GET /v1/growth/retention":        {"/v1/growth/retention", "", analysts},
	"GET /v1/growth/chart.svg":        {"/v1/growth/chart.svg", "", analysts},
	"GET /v1/audit/events":            {"/v1/audit/events", "", auditors},
	"GET /v1/audit/events/{position}": {"/v1/audit/events/{position}", "", auditors},
	"POST /v1/tokens":                 {"/v1/tokens", `{"scope":"analyst"}`, operators(201)},
	"POST /v1/tokens/revocations":     {"/v1/tokens/revocations", `{"subject":"nobody"}`, expected{401, 403, 403, 204, 403, 403, 401}},

	"GET /healthz":      {"/healthz", "", everybody},
	"GET /readyz":       {"/readyz", "", everybody},
	"GET /metrics":      {"/metrics", "", everybody},
	"GET /openapi.json": {"/openapi.json", "", everybody},
	"GET /docs":         {"/docs", "", everybody},
}

func TestEveryRouteAndCaller(t *testing.T) {
	f := furnish(t)
	h, owner, stranger, names := f.House, f.owner, f.stranger, f.names()

	callers := map[string]func(expected) int{
		"nobody":      func(e expected) int { return e.nobody },
		"stranger":    func(e expected) int { return e.stranger },
		"participant": func(e expected) int { return e.participant },
		"operator":    func(e expected) int { return e.operator },
		"analyst":     func(e expected) int { return e.analyst },
		"auditor":     func(e expected) int { return e.auditor },
	}
	tokens := map[string]string{
		"nobody": "", "stranger": stranger.Token, "participant": owner.Token,
		"operator": h.Scoped(handlers.Operator).Token, "analyst": h.Scoped(handlers.Analyst).Token, "auditor": h.Scoped(handlers.Auditor).Token,
	}
	for name, token := range rejectedTokens(t, h, owner.User.ID) {
		callers[name], tokens[name] = func(e expected) int { return e.rejected }, token
	}
	openAPI := readTruth(t, h)
	n := 0
	walk(t, h, func(route string) {
		row, ok := routeTable[route]
		if !ok {
			t.Errorf("%s has no row in routeTable", route)
			return
		}
		method, _, _ := strings.Cut(route, " ")
		openAPI.request(route, names.Replace(row.body))
		for _, caller := range slices.Sorted(maps.Keys(callers)) {
			n++
			unique := strings.NewReplacer("{n}", fmt.Sprint(n))
			answer := h.With(tokens[caller]).Do(method, names.Replace(row.path), bodyOf(unique.Replace(names.Replace(row.body))))
			if want := callers[caller](row.expected); answer.Status != want {
				t.Errorf("%s by %s: status %d, want %d: %.300s", route, caller, answer.Status, want, answer.Body)
			}
			openAPI.answer(route, answer)
		}
	})
}

func bodyOf(body string) any {
	if body == "" {
		return nil
	}
	return body
}

// walk visits all routes, as "METHOD pattern", and sees that no row of the
// table is left over.
func walk(t *testing.T, h *handlertest.House, visit func(route string)) {
	t.Helper()
	left := maps.Clone(routeTable)
	err := chi.Walk(h.Server.Routes(), func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		route := method + " " + pattern
		delete(left, route)
		visit(route)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("routeTable has rows without a route: %v", slices.Sorted(maps.Keys(left)))
	}
}

// rejectedTokens are tokens for the user that must not be accepted.
func rejectedTokens(t *testing.T, h *handlertest.House, user uuid.UUID) map[string]string {
	t.Helper()
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	own := signingKey(t, h)
	public := own.Public().(ed25519.PublicKey)
	now := h.Clock.Now()
	say := jwt.MapClaims{"sub": user.String(), "scope": "operator analyst auditor", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": "1"}
	past := maps.Clone(say)
	past["exp"] = now.Add(-time.Second).Unix()
	endless := maps.Clone(say)
	delete(endless, "exp")
	sign := func(method jwt.SigningMethod, claims jwt.MapClaims, key any) string {
		token, err := jwt.NewWithClaims(method, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := sign(jwt.SigningMethodEdDSA, say, own)
	if _, err := h.Tokens.Verify(good); err != nil {
		t.Fatalf("the token that the others differ from is not accepted: %v", err)
	}
	return map[string]string{
		"expired":                 sign(jwt.SigningMethodEdDSA, past, own),
		"without an end":          sign(jwt.SigningMethodEdDSA, endless, own),
		"signed by another key":   sign(jwt.SigningMethodEdDSA, say, other),
		"not signed":              sign(jwt.SigningMethodNone, say, jwt.UnsafeAllowNoneSignatureType),
		"HMAC of the public key":  sign(jwt.SigningMethodHS256, say, []byte(public)),
		"another token's end":     good[:strings.LastIndexByte(good, '.')+1] + base64.RawURLEncoding.EncodeToString(make([]byte, ed25519.SignatureSize)),
		"no token in any respect": "x",
	}
}

func signingKey(t *testing.T, h *handlertest.House) ed25519.PrivateKey {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(h.Dir, "tokens.key"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(ed25519.PrivateKey)
}

func TestEveryRouteIsDocumented(t *testing.T) {
	h := handlertest.Open(t)
	var description struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			Responses map[string]any
			Security  []any
		}
	}
	h.Nobody().Get("/openapi.json").Want(200).Into(&description)
	if description.OpenAPI != "3.1.0" {
		t.Errorf("openapi is %q", description.OpenAPI)
	}
	walk(t, h, func(route string) {
		method, pattern, _ := strings.Cut(route, " ")
		if !strings.HasPrefix(pattern, "/v1/") {
			return
		}
		operation, ok := description.Paths[pattern][strings.ToLower(method)]
		if !ok {
			t.Errorf("%s is not in the OpenAPI description", route)
			return
		}
		want := routeTable[route].expected
		for _, status := range []int{want.nobody, want.stranger, want.participant, want.operator} {
			if _, ok := operation.Responses[fmt.Sprint(status)]; !ok {
				t.Errorf("%s answers %d, which is not documented", route, status)
			}
		}
		if (want.nobody == 401) != (len(operation.Security) > 0) {
			t.Errorf("%s: its security is documented as %v", route, operation.Security)
		}
	})
}
