{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key='order_id',
        on_schema_change='fail'
    )
}}

-- A late or changed order moves its customer's other orders too (their number, the days
-- between them, the running sum), and so does one that went from one customer to another: all
-- orders of every customer touched since the last run are merged.
with orders as (

    select * from {{ ref('int_customer_orders') }}

)

{% if is_incremental() %}
, changed as (

    select order_id, customer_id
    from orders
    where extracted_at > (select max(known.extracted_at) from {{ this }} as known)

),

touched as (

    select customer_id from changed
    union
    select before.customer_id
    from {{ this }} as before
    inner join changed on before.order_id = changed.order_id

)
{% endif %}

select
    order_id,
    customer_id,
    cohort,
    ordered_on,
    cast(date_trunc('month', ordered_on) as date) as order_month,
    quantity,
    amount,
    status,
    order_number,
    is_first_order,
    days_since_previous_order,
    spent_so_far,
    updated_at,
    extracted_at
from orders
{% if is_incremental() %}
where customer_id in (select touched.customer_id from touched)
{% endif %}
