package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
	"parley/events/media"
	"parley/projections"
)

func (s *Server) appRoutes() {
	register(s, users(), huma.Operation{
		OperationID: "registerApp", Method: http.MethodPost, Path: "/v1/apps",
		Summary:       "Register an app",
		Description:   "The caller owns it, and sees it alone until it is published. The answer holds its secret and its token, which are shown this once.",
		Tags:          []string{"apps"},
		DefaultStatus: http.StatusCreated,
		MaxBodyBytes:  smallBody,
	}, s.registerApp)
	register(s, signedIn(), huma.Operation{
		OperationID: "listApps", Method: http.MethodGet, Path: "/v1/apps",
		Summary:     "The directory of published apps, by name",
		Description: "With mine=true, the caller's own apps, published or not.",
		Tags:        []string{"apps"},
	}, s.listApps)
	register(s, signedIn(), huma.Operation{
		OperationID: "rankApps", Method: http.MethodGet, Path: "/v1/apps/ranking",
		Summary:     "Published apps by how fast they spread",
		Description: "Compares in how many conversations each was when two days began. Those that were in none before come first, then the faster-growing.",
		Tags:        []string{"apps"},
	}, s.rankApps)
	register(s, signedIn(), huma.Operation{
		OperationID: "getApp", Method: http.MethodGet, Path: "/v1/apps/{id}",
		Summary: "An app",
		Tags:    []string{"apps"},
		Errors:  []int{http.StatusNotFound},
	}, s.getApp)
	register(s, users(), huma.Operation{
		OperationID: "changeApp", Method: http.MethodPatch, Path: "/v1/apps/{id}",
		Summary:      "Change what the directory tells of an app",
		Description:  "For its owner. What is absent stays as it is. Conversations in which the app is keep what they granted it.",
		Tags:         []string{"apps"},
		MaxBodyBytes: smallBody,
		Errors:       []int{http.StatusNotFound},
	}, s.changeApp)
	register(s, users(), huma.Operation{
		OperationID: "publishApp", Method: http.MethodPost, Path: "/v1/apps/{id}/publish",
		Summary:     "Put an app into the directory",
		Description: "For its owner.",
		Tags:        []string{"apps"},
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, s.publishApp)
	register(s, scoped(Operator), huma.Operation{
		OperationID: "suspendApp", Method: http.MethodPost, Path: "/v1/apps/{id}/suspend",
		Summary:      "Stop an app everywhere",
		Description:  "Its token is refused, nothing is delivered to it, and nobody can install it, until it is resumed.",
		Tags:         []string{"apps"},
		MaxBodyBytes: smallBody,
		Errors:       []int{http.StatusNotFound},
	}, s.suspendApp)
	register(s, scoped(Operator), huma.Operation{
		OperationID: "resumeApp", Method: http.MethodPost, Path: "/v1/apps/{id}/resume",
		Summary: "End an app's suspension",
		Tags:    []string{"apps"},
		Errors:  []int{http.StatusNotFound},
	}, s.resumeApp)
	register(s, users(), huma.Operation{
		OperationID: "rotateSecret", Method: http.MethodPost, Path: "/v1/apps/{id}/secret",
		Summary:      "Give an app a new secret and a new token",
		Description:  "For its owner. Those before hold for a day, or as long as overlap says.",
		Tags:         []string{"apps"},
		MaxBodyBytes: smallBody,
		Errors:       []int{http.StatusNotFound},
	}, s.rotateSecret)
	serve[iconInput, mediaOutput](s, anyone(), huma.Operation{
		OperationID: "getAppIcon", Method: http.MethodGet, Path: "/v1/apps/{id}/icon",
		Summary:     "An app's icon",
		Description: "For everybody. Takes Range and If-None-Match.",
		Tags:        []string{"apps"},
		Errors:      []int{http.StatusNotFound, http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable},
		Responses:   files(),
	}, s.getIcon)
	s.documentStatus("/v1/apps/{id}/icon", http.MethodGet, http.StatusNotModified, "The client has the icon", nil)
	register(s, signedIn(), huma.Operation{
		OperationID: "appUsage", Method: http.MethodGet, Path: "/v1/apps/{id}/usage",
		Summary:     "How much an app is used, day by day",
		Description: "For its owner, for analysts and for operators.",
		Tags:        []string{"apps"},
		Errors:      []int{http.StatusNotFound},
	}, s.appUsage)
}

type listingBody struct {
	Name        string         `json:"name" doc:"1 to 64 characters on one line." example:"Moving Pictures"`
	Description string         `json:"description,omitempty" doc:"Up to 2,000 characters."`
	Website     string         `json:"website,omitempty" doc:"An http or https URL."`
	Icon        string         `json:"icon,omitempty" doc:"The digest of an image that the caller has uploaded."`
	Grants      []events.Grant `json:"grants,omitempty" doc:"What the app asks for: messages:read, messages:write, attachments:write, profile:read."`
}

func (b listingBody) listing() (events.AppListing, error) {
	listing := events.AppListing{Name: b.Name, Description: b.Description, Website: b.Website, Grants: b.Grants}
	icon, err := iconOf(b.Icon)
	listing.Icon = icon
	return listing, err
}

func iconOf(text string) (*events.Digest, error) {
	if text == "" {
		return nil, nil
	}
	digest, err := events.ParseDigest(text)
	if err != nil {
		return nil, refusedField("body.icon", err.Error())
	}
	return &digest, nil
}

type registerAppInput struct {
	KeyHeader
	Body listingBody
}

type registerAppOutput struct {
	PositionHeader
	Body registeredApp
}

type registeredApp struct {
	App projections.App `json:"app"`
	commands.Credentials
}

func (s *Server) registerApp(ctx context.Context, in *registerAppInput) (*registerAppOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	listing, err := in.Body.listing()
	if err != nil {
		return nil, err
	}
	written, made, err := s.Commands.RegisterApp(ctx, cause, callerOf(ctx).User, listing)
	if err != nil {
		return nil, err
	}
	fact := written[0].Fact.(*events.AppRegistered)
	app := decide.App{ID: fact.App, Owner: fact.Owner, Listing: fact.AppListing}
	return &registerAppOutput{
		PositionHeader{uint64(written[len(written)-1].Position)},
		registeredApp{appOf(app, written[0].Meta.OccurredAt), made},
	}, nil
}

// appOf is an app as the log has it, which is in no conversation yet.
func appOf(app decide.App, registered time.Time) projections.App {
	shown := projections.App{
		AppCard: projections.CardOf(app.Card()), Owner: app.Owner, Description: app.Listing.Description, Website: app.Listing.Website,
		Grants: app.Listing.Grants, Published: app.Published, RegisteredAt: registered,
	}
	if shown.Grants == nil {
		shown.Grants = []events.Grant{}
	}
	return shown
}

type listAppsInput struct {
	WaitHeader
	Query  string `query:"q" maxLength:"200" doc:"A text that the name or the description has, in upper or lower case."`
	Mine   bool   `query:"mine"`
	Cursor string `query:"cursor" maxLength:"64" doc:"As a page's next has it."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type listAppsOutput struct {
	Body projections.Directory
}

func (s *Server) listApps(ctx context.Context, in *listAppsInput) (*listAppsOutput, error) {
	if err := s.reaches(ctx, projections.AppsName, in.Position); err != nil {
		return nil, err
	}
	if in.Mine {
		apps, err := s.Views.Apps.OwnedBy(ctx, callerOf(ctx).User)
		return &listAppsOutput{projections.Directory{Apps: apps}}, err
	}
	found, err := s.Views.Apps.Search(ctx, in.Query, in.Cursor, in.Limit)
	if errors.Is(err, projections.ErrCursor) {
		return nil, refusedField("query.cursor", "is not one that this list gave you")
	}
	if err != nil {
		return nil, err
	}
	if found.Next != nil {
		next := "/v1/apps?" + url.Values{"q": {in.Query}, "cursor": {*found.Next}, "limit": {strconv.Itoa(in.Limit)}}.Encode()
		found.Next = &next
	}
	return &listAppsOutput{found}, nil
}

type appInput struct {
	WaitHeader
	ID uuid.UUID `path:"id" format:"uuid"`
}

type appOutput struct {
	Body projections.App
}

func (s *Server) getApp(ctx context.Context, in *appInput) (*appOutput, error) {
	app, err := s.seenApp(ctx, in.Position, in.ID)
	if err != nil {
		return nil, err
	}
	return &appOutput{app}, nil
}

// seenApp is an app as the caller may see it, at the position or later.
func (s *Server) seenApp(ctx context.Context, position uint64, id uuid.UUID) (projections.App, error) {
	if err := s.reaches(ctx, projections.AppsName, position); err != nil {
		return projections.App{}, err
	}
	app, err := s.Views.Apps.Get(ctx, id)
	caller := callerOf(ctx)
	if errors.Is(err, projections.ErrNotFound) || err == nil && !app.Published && caller.User != app.Owner && caller.App != id && !caller.Has(Operator) {
		err = decide.NoSuchApp("")
	}
	return app, err
}

type changeAppInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body changeAppBody
}

type changeAppBody struct {
	Name        *string         `json:"name,omitempty" doc:"1 to 64 characters on one line."`
	Description *string         `json:"description,omitempty" doc:"Up to 2,000 characters."`
	Website     *string         `json:"website,omitempty" doc:"An http or https URL, or empty."`
	Icon        *string         `json:"icon,omitempty" doc:"The digest of an image that the caller has uploaded, or empty."`
	Grants      *[]events.Grant `json:"grants,omitempty" doc:"What the app asks for from now on."`
}

type appWrittenOutput struct {
	PositionHeader
	Body projections.App
}

func (s *Server) changeApp(ctx context.Context, in *changeAppInput) (*appWrittenOutput, error) {
	caller := callerOf(ctx).User
	state, err := s.Commands.App(ctx, in.ID)
	if err == nil {
		err = state.Admit(caller)
	}
	if err != nil {
		return nil, err
	}
	listing, err := in.Body.over(state.Listing)
	if err != nil {
		return nil, err
	}
	written, err := s.Commands.ChangeApp(ctx, causeOf(ctx, ""), in.ID, caller, listing)
	return s.appWritten(ctx, in.ID, written, err)
}

// over lays what is asked for over what the listing has.
func (b changeAppBody) over(listing events.AppListing) (events.AppListing, error) {
	set := func(into *string, value *string) {
		if value != nil {
			*into = *value
		}
	}
	set(&listing.Name, b.Name)
	set(&listing.Description, b.Description)
	set(&listing.Website, b.Website)
	if b.Grants != nil {
		listing.Grants = *b.Grants
	}
	if b.Icon == nil {
		return listing, nil
	}
	icon, err := iconOf(*b.Icon)
	listing.Icon = icon
	return listing, err
}

// appWritten is an app after something was written about it.
func (s *Server) appWritten(ctx context.Context, id uuid.UUID, written []events.Event, err error) (*appWrittenOutput, error) {
	if err != nil {
		return nil, err
	}
	position, err := s.writtenAt(ctx, events.AppStream(id), written)
	if err != nil {
		return nil, err
	}
	if err := s.reaches(ctx, projections.AppsName, position.Position); err != nil {
		return nil, err
	}
	app, err := s.Views.Apps.Get(ctx, id)
	return &appWrittenOutput{position, app}, err
}

type appActionInput struct {
	KeyHeader
	ID uuid.UUID `path:"id" format:"uuid"`
}

func (s *Server) publishApp(ctx context.Context, in *appActionInput) (*appWrittenOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	written, err := s.Commands.PublishApp(ctx, cause, in.ID, callerOf(ctx).User)
	return s.appWritten(ctx, in.ID, written, err)
}

type suspendInput struct {
	KeyHeader
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		Reason string `json:"reason" doc:"Why, in 1 to 500 characters; the owner sees it."`
	}
}

func (s *Server) suspendApp(ctx context.Context, in *suspendInput) (*appWrittenOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	written, err := s.Commands.SuspendApp(ctx, cause, in.ID, in.Body.Reason)
	return s.appWritten(ctx, in.ID, written, err)
}

func (s *Server) resumeApp(ctx context.Context, in *appActionInput) (*appWrittenOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	written, err := s.Commands.ResumeApp(ctx, cause, in.ID)
	return s.appWritten(ctx, in.ID, written, err)
}

type rotateInput struct {
	KeyHeader
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body *rotateBody
}

type rotateBody struct {
	Overlap *int64 `json:"overlap,omitempty" minimum:"0" maximum:"604800" doc:"For how many seconds the former secret and token hold; 86400 if absent."`
}

type rotateOutput struct {
	PositionHeader
	Body rotated
}

type rotated struct {
	commands.Credentials
	// PreviousUntil is until when the former secret and token hold.
	PreviousUntil time.Time `json:"previousUntil"`
}

func (s *Server) rotateSecret(ctx context.Context, in *rotateInput) (*rotateOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	overlap := decide.SecretOverlap
	if in.Body != nil && in.Body.Overlap != nil {
		overlap = time.Duration(*in.Body.Overlap) * time.Second
	}
	made, until, written, err := s.Commands.RotateSecret(ctx, cause, in.ID, callerOf(ctx).User, overlap)
	if err != nil {
		return nil, err
	}
	position, err := s.writtenAt(ctx, events.AppStream(in.ID), written)
	return &rotateOutput{position, rotated{made, until}}, err
}

type iconInput struct {
	ID    uuid.UUID `path:"id" format:"uuid"`
	Range string    `header:"Range"`
	Match string    `header:"If-None-Match" doc:"The ETag of the icon that the client has."`
}

// getIcon serves an icon to everybody: it stands beside messages, and in a
// directory that everybody can read.
func (s *Server) getIcon(w http.ResponseWriter, r *http.Request) {
	file, err := s.icon(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header()["Cross-Origin-Resource-Policy"] = anyOrigin
	s.sendMedia(w, r, file, iconCaching)
}

// iconCaching: an app may change its icon.
var iconCaching = []string{"public, max-age=300"}

func (s *Server) icon(r *http.Request) (commands.File, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return commands.File{}, err
	}
	app, err := s.Commands.App(r.Context(), id)
	if err == nil && app.Listing.Icon == nil {
		err = media.ErrNotFound
	}
	if err != nil {
		return commands.File{}, err
	}
	return s.Library.File(r.Context(), *app.Listing.Icon, uuid.Nil)
}

type usageInput struct {
	WaitHeader
	ID   uuid.UUID `path:"id" format:"uuid"`
	From string    `query:"from" doc:"A date, in UTC; 30 days before to if absent."`
	To   string    `query:"to" doc:"The end, itself excluded; now if absent."`
}

type usageOutput struct {
	Body projections.AppUsage
}

func (s *Server) appUsage(ctx context.Context, in *usageInput) (*usageOutput, error) {
	from, to, err := s.span("query.from", in.From, "query.to", in.To)
	if err != nil {
		return nil, err
	}
	app, err := s.seenApp(ctx, in.Position, in.ID)
	if err != nil {
		return nil, err
	}
	if caller := callerOf(ctx); caller.User != app.Owner && !caller.Has(Analyst) && !caller.Has(Operator) {
		return nil, newProblem(http.StatusForbidden, "only the app's owner, analysts and operators see how much it is used")
	}
	usage, err := s.Views.Apps.Usage(ctx, in.ID, from, to)
	return &usageOutput{usage}, err
}

type rankAppsInput struct {
	WaitHeader
	From  string `query:"from" doc:"A date, in UTC; 30 days before to if absent."`
	To    string `query:"to" doc:"Now if absent."`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type rankAppsOutput struct {
	Body projections.AppRanking
}

func (s *Server) rankApps(ctx context.Context, in *rankAppsInput) (*rankAppsOutput, error) {
	from, to, err := s.span("query.from", in.From, "query.to", in.To)
	if err != nil {
		return nil, err
	}
	if err := s.reaches(ctx, projections.AppsName, in.Position); err != nil {
		return nil, err
	}
	ranking, err := s.Views.Apps.Ranking(ctx, from, to, in.Limit)
	if err != nil {
		return nil, s.spanProblem(err, "query.from")
	}
	return &rankAppsOutput{ranking}, nil
}
