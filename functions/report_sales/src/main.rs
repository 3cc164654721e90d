//! Lambda function `report_sales`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(report_sales::handle(app, call)))
}
