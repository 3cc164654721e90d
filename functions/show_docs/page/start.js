SwaggerUIBundle({
  // Beside this page, wherever the API is mounted.
  url: "openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  displayRequestDuration: true,
  // Tokens are gone with the page.
  persistAuthorization: false,
  // The badge would ask a validator on the internet.
  validatorUrl: null,
});
