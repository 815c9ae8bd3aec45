import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";

/** Requests that are tried out are made as whoever is signed in to the inbox. */
SwaggerUI({ url: "/api/openapi.json", dom_id: "#docs", deepLinking: true, docExpansion: "none", filter: true });
